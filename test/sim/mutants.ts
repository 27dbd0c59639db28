import type { Action } from '../../src/coordinator/decide/actions.js';
import type { CoordinatorEvent } from '../../src/coordinator/decide/events.js';
import { changeUnits, frontOf, isUnit, unitsWhere } from '../../src/coordinator/decide/fronts.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { createStepWork } from '../../src/coordinator/step-work.js';
import type { FileOperations } from '../../src/store/index.js';
import type { WorkerAction } from '../../src/worker/events.js';
import { changeRun, type HeldTask } from '../../src/worker/state.js';
import { hearing, type Mutant, mutant } from './mutant.js';
import { mutantsInFlight } from './mutants-in-flight.js';
import { mutantsOfOptions } from './mutants-of-options.js';
import { type Mutation, unchanged } from './mutation.js';
import { standsFor } from './stand-in.js';

/** The decider, some of whose actions nobody does. */
function without(isLeftOut: (action: Action) => boolean): Pick<Mutation, 'decideCoordinator'> {
  return {
    decideCoordinator: (state, event, nowMs) => {
      const { state: next, actions } = unchanged.decideCoordinator(state, event, nowMs);
      return { state: next, actions: actions.filter((action) => !isLeftOut(action)) };
    },
  };
}

/** The worker's decider with other actions. */
function doing(change: (actions: WorkerAction[]) => WorkerAction[]): Pick<Mutation, 'decideWorker'> {
  return {
    decideWorker: (state, event, nowMs) => {
      const decision = unchanged.decideWorker(state, event, nowMs);
      return { state: decision.state, actions: change(decision.actions) };
    },
  };
}

const isAgain = (action: Action): boolean =>
  (action.type === 'publish_task' || action.type === 'ask') &&
  action.cause !== 'first' &&
  action.cause !== 'audit';

/** The sums, in the order in which they come. */
const foldAsTheyCome: Mutation['createStepWork'] = (run, kernels, timeline, now) => {
  const sums = new Map<number, Float32Array>();
  // What the optimizer gets is this sum and not the tree's.
  const trainer = {
    ...run.trainer,
    apply: (root: Float32Array, samples: number) => {
      root.set(sums.get(run.trainer.version()) ?? root);
      return run.trainer.apply(root, samples);
    },
  };
  const work = createStepWork({ ...run, trainer }, kernels, timeline, now);
  return {
    ...work,
    open: (front, passes) => {
      if (front.mode === 'train') sums.delete(front.step);
      work.open(front, passes);
    },
    fold: (unit, arrived) => {
      const sum = sums.get(unit.step);
      if (unit.mode === 'train') {
        if (sum === undefined) sums.set(unit.step, arrived.gradient.slice());
        else kernels.add(sum, arrived.gradient);
      }
      work.fold(unit, arrived);
    },
    get buffers() {
      return work.buffers;
    },
  };
};

/** Every gradient is kept until the run is over. */
const keepEverything: Mutation['createStepWork'] = (run, kernels, timeline, now) => {
  const work = createStepWork(run, kernels, timeline, now);
  const kept: Float32Array[] = [];
  return {
    ...work,
    fold: (unit, arrived) => {
      kept.push(arrived.gradient.slice());
      work.fold(unit, arrived);
    },
    get buffers() {
      return kept.length;
    },
  };
};

/** Files that are never synced: the handles say that they were. */
function unsynced(files: FileOperations): FileOperations {
  const open = async (path: string, flags: string) => {
    const handle = await files.open(path, flags);
    return { ...handle, sync: async () => undefined };
  };
  const changed = { ...files, open };
  standsFor<FileOperations>(changed);
  return changed;
}

/** The file that says how often a coordinator was started is never there. */
function forgetfulOfFence(files: FileOperations): FileOperations {
  const readFile = async (path: string, encoding: 'utf8') => {
    if (path.endsWith('/fence')) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return files.readFile(path, encoding);
  };
  const changed = { ...files, readFile };
  standsFor<FileOperations>(changed);
  return changed;
}

/** A block that has its result is open again for the next one. */
function reopened(state: CoordinatorState, event: CoordinatorEvent): CoordinatorState {
  if (event.type !== 'result') return state;
  const isIt = isUnit(event.header);
  return changeUnits(state, (unit, front) =>
    isIt(unit, front) && unit.samples > 0 ? { ...unit, accepted: null } : unit,
  );
}

/** Computes with the weights that are there, whichever the task names. */
const impatient: Mutation['decideWorker'] = (state, event, nowMs) => {
  const decision = unchanged.decideWorker(state, event, nowMs);
  const { stage, settings } = decision.state;
  if (stage.type !== 'run') return decision;
  const newest = stage.run.versions.at(-1);
  if (newest === undefined) return decision;
  const busy = stage.run.tasks.filter(({ phase }) => phase === 'computing' || phase === 'abandoned').length;
  const waiting = stage.run.tasks.find(
    ({ phase, missing, task }) =>
      phase === 'held' && missing.length === 0 && !stage.run.versions.includes(task.weightsVersion),
  );
  if (waiting === undefined || busy >= settings.threads) return decision;
  const started: HeldTask = { ...waiting, phase: 'computing', startedAtMs: nowMs, width: 1 };
  const changed = changeRun(decision.state, (run) => ({
    ...run,
    tasks: run.tasks.map((held) => (held === waiting ? started : held)),
  }));
  const task = { ...waiting.task, weightsVersion: newest };
  const compute = { type: 'compute', delivery: waiting.delivery, task, width: 1 } as const;
  return { state: changed, actions: [...decision.actions, compute] };
};

export const mutants: readonly Mutant[] = [
  mutant(
    'the worker acks its task before the result is confirmed',
    ['ack after confirm'],
    doing((actions) =>
      actions.flatMap((action): WorkerAction[] =>
        action.type === 'publish'
          ? [action, { type: 'settle', delivery: action.delivery, verdict: 'ack' }]
          : [action],
      ),
    ),
  ),
  mutant('the ledger does not look at the fence', ['fits'], {
    ...hearing((header, { plan }) => ({ ...header, fence: plan.fence })),
    // Rare otherwise: a result that outlives its coordinator, for a block that the next one has cut alike and is waiting for.
    stage: (schedule) => ({
      ...schedule,
      world: { ...schedule.world, microshards: 4, staleness: null },
      workers: 8,
      microshardMs: 400,
      checkpointEveryMs: 0,
      faults: ['kill coordinator while a worker sleeps'],
    }),
  }),
  mutant(
    'the ledger takes late gradients',
    ['fits', 'same bits', 'no false alarm'],
    hearing((header, state) => {
      const [oldest] = state.fronts;
      if (oldest === undefined || frontOf(state, header) !== undefined) return header;
      return { ...header, step: oldest.step, weightsVersion: oldest.weightsVersion };
    }),
  ),
  mutant('the ledger takes duplicates', ['each once'], {
    decideCoordinator: (state, event, nowMs) =>
      unchanged.decideCoordinator(reopened(state, event), event, nowMs),
  }),
  mutant('sums are taken in the order of arrival', ['same bits'], { createStepWork: foldAsTheyCome }),
  mutant('nothing that is lost is sent again', ['progress'], without(isAgain)),
  mutant(
    'what was outstanding is not sent again after a reconnect',
    ['progress'],
    without((action) => 'cause' in action && action.cause === 'link'),
  ),
  mutant(
    'values that are not finite are taken',
    ['fits', 'no crash', 'same bits'],
    hearing((header) => ({ ...header, finite: true })),
  ),
  mutant(
    'results of the wrong length are taken',
    ['fits', 'same bits', 'no crash'],
    hearing((header, state) => {
      const [found] = unitsWhere(state, isUnit(header));
      const { plan } = state;
      const gradientLength = header.mode === 'train' ? plan.parameterCount : 0;
      return { ...header, gradientLength, samples: found?.unit.samples ?? header.samples };
    }),
  ),
  mutant('the worker computes with old weights', ['same bits', 'no false alarm'], {
    decideWorker: impatient,
  }),
  mutant('nothing is fsynced', ['no crash', 'fence rises'], { filesOf: unsynced }, 300),
  mutant('the fence is not read from the disk', ['fence rises'], { filesOf: forgetfulOfFence }),
  mutant(
    'a draining worker acks what it has not computed',
    ['ack after confirm'],
    doing((actions) =>
      actions.map((action) => (action.type === 'settle' ? { ...action, verdict: 'ack' as const } : action)),
    ),
  ),
  mutant('gradients of earlier steps are kept', ['memory'], { createStepWork: keepEverything }),
  ...mutantsInFlight,
  ...mutantsOfOptions,
];
