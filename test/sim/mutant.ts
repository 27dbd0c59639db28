import type { CoordinatorEvent, ResultHeader } from '../../src/coordinator/decide/events.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { type Mutation, unchanged } from './mutation.js';
import type { Invariant } from './oracle.js';
import { type Schedule, unreduced } from './schedule.js';

/** A bug planted in the rules. `caughtBy`: the invariants that it breaks, one of which has to tell. */
export interface Mutant extends Mutation {
  caughtBy: Invariant[];
  /** Seeds that are enough to find it. */
  withinSeeds: number;
}

export function mutant(
  name: string,
  caughtBy: Invariant[],
  changes: Partial<Mutation>,
  withinSeeds = 100,
): Mutant {
  // They are found where they were before there were reducers, asynchronous training, or options.
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

/** The decider, told something else of each result. */
export function hearing(
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
