import type { CoordinatorEvent } from './decide/events.js';
import { type CoordinatorState, readyWorkers } from './decide/state.js';

/**
 * Why a worker takes part no more; also the label of `onko_worker_departures_total`. `goodbye`: it said so; `death`: it fell
 * silent; `expelled`: it computed wrongly; `refused`: blocks failed on it that others are to try.
 */
export const departureCauses = ['goodbye', 'death', 'expelled', 'refused'] as const;
export type DepartureCause = (typeof departureCauses)[number];

export interface MembershipChanges {
  joined: string[];
  left: { worker: string; cause: DepartureCause }[];
}

/** Who takes part that did not before `event`, and who does no more. */
export function membershipChanges(
  before: CoordinatorState,
  after: CoordinatorState,
  event: CoordinatorEvent,
): MembershipChanges {
  if (before.workers === after.workers || sameWorkers(before, after)) return { joined: [], left: [] };
  const [then, now] = [before, after].map(
    (state) => new Set(readyWorkers(state).map(({ worker }) => worker)),
  );
  return {
    joined: [...now].filter((worker) => !then.has(worker)),
    left: [...then]
      .filter((worker) => !now.has(worker))
      .map((worker) => ({ worker, cause: causeOf(after, worker, event) })),
  };
}

/** As a rule, and quickly found: the same ones in the same places. */
function sameWorkers(before: CoordinatorState, after: CoordinatorState): boolean {
  const then = before.workers;
  return (
    then.length === after.workers.length &&
    after.workers.every((entry, i) => then[i].worker === entry.worker && then[i].state === entry.state)
  );
}

function causeOf(after: CoordinatorState, worker: string, event: CoordinatorEvent): DepartureCause {
  if (after.expelled.some((entry) => entry.worker === worker)) return 'expelled';
  if (event.type === 'message' && event.message.type === 'goodbye') return 'goodbye';
  // Silence is noticed by the clock; who is sent away is so for what it has just sent.
  return event.type === 'tick' ? 'death' : 'refused';
}
