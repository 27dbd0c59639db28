import type { Action } from '../../src/coordinator/decide/actions.js';
import type { CoordinatorEvent, ResultHeader } from '../../src/coordinator/decide/events.js';
import { changeUnits, frontOf, isUnit, isWhole, unitsWhere } from '../../src/coordinator/decide/fronts.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { createStepWork } from '../../src/coordinator/step-work.js';
import type { FileOperations } from '../../src/store/index.js';
import type { WorkerAction } from '../../src/worker/events.js';
import { changeRun, type HeldTask } from '../../src/worker/state.js';
import { type Mutation, unchanged } from './mutation.js';
import type { Invariant } from './oracle.js';
import { asynchronous, type Schedule, unreduced } from './schedule.js';
import { standsFor } from './stand-in.js';

/** A bug planted in the rules. `caughtBy`: the invariants that it breaks, one of which has to tell. */
export interface Mutant extends Mutation {
  caughtBy: Invariant[];
  /** Seeds that are enough to find it. */
  withinSeeds: number;
}

function mutant(name: string, caughtBy: Invariant[], changes: Partial<Mutation>, withinSeeds = 100): Mutant {
  // They are found where they were before there were reducers, or asynchronous training.
  const { stage = inOrder } = changes;
  return {
    ...unchanged,
    ...changes,
    stage: (schedule) => stage(unreduced(schedule)),
    name,
    caughtBy,
    withinSeeds,
  };
}

/** Steps have an order: in asynchronous training there are no bits to compare with. */
const inOrder = (schedule: Schedule): Schedule => ({
  ...schedule,
  world: { ...schedule.world, staleness: null },
});

/** In asynchronous training, whatever was drawn. */
const outOfOrder = (staleness: number, changes: Partial<Schedule> = {}): Pick<Mutation, 'stage'> => ({
  stage: (schedule) => {
    const late = asynchronous(schedule, staleness);
    return { ...late, world: { ...late.world, stepsPerEpoch: 8 }, ...changes };
  },
});

/** The decider, told something else of each result. */
function hearing(
  change: (header: ResultHeader, state: CoordinatorState) => ResultHeader,
): Pick<Mutation, 'decideCoordinator'> {
  return {
    decideCoordinator: (state, event, nowMs) => {
      const heard: CoordinatorEvent =
        event.type === 'result' ? { ...event, header: change(event.header, state) } : event;
      return unchanged.decideCoordinator(state, heard, nowMs);
    },
  };
}

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

/** What is done after the others by who takes the checkpoint for all there is: steps in flight are computed on its newest parameters. */
const forgetEarlier: Mutation['createStepWork'] = (run, kernels, timeline, now) => {
  const { trainer } = run;
  for (let back = 1; back <= 2; back++)
    trainer.parametersAfter(trainer.version() - back)?.set(trainer.parameters());
  return createStepWork(run, kernels, timeline, now);
};

/** The oldest step has to wait for the one after it, if that is whole. */
function overtaken(state: CoordinatorState): CoordinatorState {
  const [first, second, ...others] = state.fronts;
  if (first === undefined || second === undefined || isWhole(first) || !isWhole(second)) return state;
  return { ...state, fronts: [second, first, ...others] };
}

/** The open steps and their tasks, as if all were computed on the parameters that are newest. */
function onNewest(state: CoordinatorState): CoordinatorState {
  const version = state.position.step;
  const fronts = state.fronts.map((front) =>
    front.mode === 'train' ? { ...front, weightsVersion: version } : front,
  );
  return { ...state, fronts };
}

function namesNewest(action: Action, { position }: CoordinatorState): Action {
  const isTask = action.type === 'publish_task' || action.type === 'ask';
  if (action.type === 'broadcast_weights') return { ...action, version: position.step };
  return isTask && action.mode === 'train' ? { ...action, weightsVersion: position.step } : action;
}

/** With so many steps in flight, whatever was drawn. */
const delayed = (delay: number): Pick<Mutation, 'stage'> => ({
  stage: (schedule) => ({
    ...schedule,
    world: { ...schedule.world, stepsPerEpoch: 4, delay, staleness: null },
  }),
});

const misplaced: typeof createStepWork = (run, kernels, timeline, now) => {
  const work = createStepWork(run, kernels, timeline, now);
  const { reduced: sums } = work;
  if (sums === null) return work;
  const take: typeof sums.take = (step, _range, values) => sums.take(step, 0, values);
  return { ...work, reduced: { ...sums, take } };
};

/** With two reducers, to which only this happens. */
const reduced = (faults: Schedule['faults']): Pick<Mutation, 'stage'> => ({
  stage: (schedule) => ({
    ...schedule,
    reducers: 2,
    world: { ...schedule.world, wide: true, staleness: null },
    faults,
    faultEveryMs: 2_000,
  }),
});

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
  mutant('a resumed run computes steps in flight on the newest parameters', ['same bits'], {
    createStepWork: forgetEarlier,
    stage: (schedule) => ({
      ...delayed(1).stage(schedule),
      checkpointEveryMs: 0,
      faults: ['kill coordinator'],
      faultEveryMs: 500,
    }),
  }),
  mutant('a step that is whole overtakes the one before it', ['fits', 'no crash'], {
    decideCoordinator: (state, event, nowMs) => unchanged.decideCoordinator(overtaken(state), event, nowMs),
    ...delayed(1),
  }),
  mutant('tasks name the newest weights, whatever the delay', ['fits', 'progress', 'same bits'], {
    decideCoordinator: (state, event, nowMs) => {
      const { state: next, actions } = unchanged.decideCoordinator(state, event, nowMs);
      return { state: onNewest(next), actions: actions.map((action) => namesNewest(action, next)) };
    },
    ...delayed(2),
  }),
  mutant('asynchronous gradients are applied however late they are', ['not too stale'], {
    ...hearing((header, { plan, position }) =>
      plan.staleness !== null && header.mode === 'train'
        ? { ...header, weightsVersion: Math.max(header.weightsVersion, position.step) }
        : header,
    ),
    ...outOfOrder(1, { workers: 6, mostWorkers: 6 }),
  }),
  mutant('a resumed asynchronous run takes the first steps for those that were done', ['each once'], {
    decideCoordinator: (state, event, nowMs) => {
      const told =
        event.type === 'started' ? { ...state, position: { ...state.position, ahead: [] } } : state;
      return unchanged.decideCoordinator(told, event, nowMs);
    },
    ...outOfOrder(8, {
      workers: 4,
      mostWorkers: 4,
      checkpointEveryMs: 0,
      faults: ['kill coordinator'],
      faultEveryMs: 500,
    }),
  }),
  mutant('blocks that a reducer lacks are not computed again', ['progress'], {
    decideCoordinator: (state, event, nowMs) =>
      event.type === 'range_sum' && event.header.missing.length > 0
        ? { state, actions: [] }
        : unchanged.decideCoordinator(state, event, nowMs),
    ...reduced(['kill reducer']),
  }),
  mutant('a reducer that comes anew is not asked for what is awaited', ['progress'], {
    decideCoordinator: (state, event, nowMs) => {
      const { state: next, actions } = unchanged.decideCoordinator(state, event, nowMs);
      const isAsked = event.type === 'result' || event.type === 'step_applied';
      return {
        state: next,
        actions: isAsked ? actions : actions.filter(({ type }) => type !== 'fold_range'),
      };
    },
    ...reduced(['kill reducer']),
  }),
  mutant('the sum of every range is put at the beginning', ['same bits'], {
    createStepWork: misplaced,
    ...reduced([]),
  }),
];
