import type { Mode } from '../../protocol/index.js';
import {
  type Action,
  chain,
  type Decision,
  type DispatchCause,
  decision,
  report,
  type UnitKey,
} from './actions.js';
import { nextToAsk } from './audit.js';
import { quarantine, shouldRefuse } from './failure.js';
import { changeUnits, frontOf, isUnit, keyOf, putFront, type UnitChoice, unitsWhere } from './fronts.js';
import { find } from './roster.js';
import { isAsynchronous, oldestUseful } from './staleness.js';
import { type CoordinatorState, type Failure, type Front, readyThreads, type Unit } from './state.js';

/** Blocks whose times are remembered, and how many it takes to know what is usual. */
const remembered = 64;
const enough = 8;
/** A block is slow at this many times the 95th percentile. */
const slowFactor = 3;

export function publication(
  front: Front,
  unit: Unit,
  cause: DispatchCause,
): Extract<Action, { type: 'publish_task' }> {
  return {
    type: 'publish_task',
    ...keyOf(front, unit),
    weightsVersion: front.weightsVersion,
    attempt: unit.attempt,
    cause,
  };
}

/** Publishes outstanding blocks again, those of the oldest front first. */
export function redispatch(
  state: CoordinatorState,
  which: UnitChoice,
  cause: DispatchCause,
  nowMs: number,
): Decision {
  const actions: Action[] = [];
  const next = changeUnits(state, (unit, front) => {
    if (unit.accepted !== null || !which(unit, front)) return unit;
    // Of several that died together, each is still to be blamed for what it had.
    const holders =
      cause === 'death' ? unit.holders.filter((holder) => find(state.workers, holder) !== undefined) : [];
    const slowSends = unit.slowSends + (cause === 'slow' ? 1 : 0);
    const again = { ...unit, attempt: unit.attempt + 1, slowSends, publishedAtMs: nowMs, holders };
    if (unit.audit === null || unit.audit.votes.length === 0) {
      actions.push(publication(front, again, cause));
      return again;
    }
    const asked = nextToAsk(state, unit, unit.audit);
    if (asked === null) return { ...unit, audit: { ...unit.audit, asked } };
    actions.push({ ...publication(front, again, cause), type: 'ask', worker: asked });
    return { ...again, audit: { ...unit.audit, asked } };
  });
  return { state: next, actions };
}

/**
 * A block's gradient is of weights that are too old: it is computed again on newer ones. Not for a result of an earlier sending than the last,
 * in whose place another one is on its way already.
 */
export function sendOnNewer(state: CoordinatorState, key: UnitKey, version: number, nowMs: number): Decision {
  const front = frontOf(state, key);
  if (front === undefined || version < front.weightsVersion) return decision(state);
  const renewed = putFront(state, { ...front, weightsVersion: oldestUseful(state) });
  return redispatch(renewed, isUnit(key), 'stale', nowMs);
}

/** A block failed on a worker: once more, or out of the run. */
export function recordFailure(
  state: CoordinatorState,
  key: UnitKey,
  failure: Failure,
  nowMs: number,
): Decision {
  if (state.phase === 'ended') return decision(state);
  const [failed] = unitsWhere(state, isUnit(key));
  if (failed === undefined || failed.unit.accepted !== null) return decision(state);
  const failures = [...failed.unit.failures, failure];
  const isIt = isUnit(key);
  const next = changeUnits(state, (unit, front) => (isIt(unit, front) ? { ...unit, failures } : unit));
  const verdict = quarantine(next, key, failures);
  if (verdict !== null) return decision({ ...next, phase: 'ended' }, ...verdict);
  if (failure.how === 'died') return decision(next); // Sent again with everything else that its holder had.
  const { worker, reason } = failure;
  const line = `Block ${key.node} of step ${key.step} failed on ${worker} (${reason}) and is sent again.`;
  const told = decision(next, report('warn', line));
  const sent = shouldRefuse(next, worker, failures) ? chain(told, (s) => sendAway(s, worker, reason)) : told;
  return chain(sent, (s) => redispatch(s, isIt, 'failed', nowMs));
}

/** It is asked to leave; when it says hello again, perhaps mended, it is welcome. */
function sendAway(state: CoordinatorState, worker: string, reason: string): Decision {
  const workers = state.workers.filter((entry) => entry.worker !== worker);
  const why = `Blocks fail on this worker that others are to try: ${reason}.`;
  return decision({ ...state, workers }, { type: 'refuse', worker, reason: why });
}

/** Sends again what takes unusually long although somebody is there to compute it. */
export function redispatchSlow(state: CoordinatorState, nowMs: number): Decision {
  if (state.link.type !== 'up' || readyThreads(state) === 0) return decision(state);
  return state.fronts.reduce(
    (before, front) => chain(before, (s) => resendSlow(s, front, nowMs)),
    decision(state),
  );
}

function resendSlow(state: CoordinatorState, front: Front, nowMs: number): Decision {
  const isSlow = (unit: Unit, of: Front): boolean =>
    of.step === front.step && nowMs >= resendAtMs(state, of, unit);
  const again = redispatch(state, isSlow, 'slow', nowMs);
  if (again.actions.length === 0) return again;
  const count = again.actions.length;
  const line = `Step ${front.step}: ${count === 1 ? 'one block takes' : `${count} blocks take`} unusually long and ${count === 1 ? 'is' : 'are'} sent again.`;
  // A lost broadcast looks like a slow worker, too.
  const weights: Action = { type: 'broadcast_weights', version: front.weightsVersion };
  return { state: again.state, actions: [report('warn', line), weights, ...again.actions] };
}

/**
 * When an outstanding block is sent again. The clock starts anew whenever any block comes back, so that a long queue
 * for few workers is not mistaken for a stall; each time that it was slow makes the next wait
 * twice as long; that a worker died or the link was lost says nothing of how long it takes.
 */
export function resendAtMs(state: CoordinatorState, front: Front, unit: Unit): number {
  // Asynchronous blocks are no more than workers take at once: that others come back says nothing of one that does not.
  const isQueued = !isAsynchronous(state.plan, front.mode);
  const since = isQueued ? Math.max(unit.publishedAtMs, state.lastProgressMs) : unit.publishedAtMs;
  return since + allowanceMs(state, front) * 2 ** Math.min(unit.slowSends, 4);
}

function allowanceMs(state: CoordinatorState, front: Front): number {
  const { redispatchFloorMs, redispatchUnknownMs } = state.plan.patience;
  const usual = percentile95(state.durations[front.mode]);
  if (usual === null) return Math.max(redispatchFloorMs, redispatchUnknownMs);
  return Math.max(redispatchFloorMs, slowFactor * usual);
}

function percentile95(durations: readonly number[]): number | null {
  if (durations.length < enough) return null;
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? null;
}

export function rememberDuration(state: CoordinatorState, mode: Mode, tookMs: number): CoordinatorState {
  const durations = [...state.durations[mode], tookMs].slice(-remembered);
  return { ...state, durations: { ...state.durations, [mode]: durations } };
}
