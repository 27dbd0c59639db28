import type { Action } from '../../src/coordinator/decide/actions.js';
import { isWhole } from '../../src/coordinator/decide/fronts.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { createStepWork } from '../../src/coordinator/step-work.js';
import { hearing, type Mutant, mutant } from './mutant.js';
import { type Mutation, unchanged } from './mutation.js';
import { asynchronous, type Schedule } from './schedule.js';

/** In asynchronous training, whatever was drawn. */
const outOfOrder = (staleness: number, changes: Partial<Schedule> = {}): Pick<Mutation, 'stage'> => ({
  stage: (schedule) => {
    const late = asynchronous(schedule, staleness);
    return { ...late, world: { ...late.world, stepsPerEpoch: 8 }, ...changes };
  },
});

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

/** Bugs that show only where several steps are in flight (a delay, asynchronous training), or where reducers sum. */
export const mutantsInFlight: readonly Mutant[] = [
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
