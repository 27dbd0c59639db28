import type { EncodedValues } from '../../src/coordinator/arrived-gradient.js';
import type { Action } from '../../src/coordinator/decide/actions.js';
import { type CoordinatorState, epochIsOver } from '../../src/coordinator/decide/state.js';
import { createStepWork } from '../../src/coordinator/step-work.js';
import { weightsVersion } from '../../src/coordinator/weights-version.js';
import { type Mutant, mutant } from './mutant.js';
import { type Mutation, unchanged } from './mutation.js';
import { having } from './options.js';

/** Whoever comes gets the weights of the step that is next, even if a validation is before it. */
function forNextStep(action: Action, { plan, position, fronts }: CoordinatorState): Action {
  if (action.type !== 'send_weights' || fronts.length > 0) return action;
  return { ...action, version: weightsVersion(plan.averages, 'train', position.step) };
}

/** The values of each block stay in the memory that those of the next one are read from. */
const foldBefore: Mutation['createStepWork'] = (run, kernels, timeline, now) => {
  const work = createStepWork(run, kernels, timeline, now);
  let before: EncodedValues | null = null;
  return {
    ...work,
    fold: (unit, arrived) => {
      const encoded = before ?? arrived.encoded;
      before = arrived.encoded;
      work.fold(unit, { ...arrived, encoded });
    },
    get buffers() {
      return work.buffers;
    },
  };
};

/** Bugs that show only with an option of the training spec. */
export const mutantsOfOptions: readonly Mutant[] = [
  mutant(
    'who comes before a validation gets the weights of the step after it',
    ['progress', 'ack after confirm'],
    {
      decideCoordinator: (state, event, nowMs) => {
        const { state: next, actions } = unchanged.decideCoordinator(state, event, nowMs);
        if (!epochIsOver(state)) return { state: next, actions };
        return { state: next, actions: actions.map((action) => forNextStep(action, state)) };
      },
      stage: (schedule) => {
        const averaging = having(schedule, { averaging: { decay: 0.5 } });
        const world = { ...averaging.world, validates: true };
        return { ...averaging, world, faults: ['stop coordinator'], faultEveryMs: 500 };
      },
    },
  ),
  mutant('a block of topk is folded with the values of the one before it', ['each once'], {
    createStepWork: foldBefore,
    stage: (schedule) => {
      const { microshards: blocks } = schedule.world;
      const gradients = { type: 'topk', density: 0.5, reproducible: false, blocks } as const;
      const world = { ...schedule.world, staleness: null, options: { gradients } };
      return { ...schedule, auditShare: 0, world };
    },
  }),
];
