import type { RangeHeld, RangeReleased, ReducerHello } from '../../protocol/index.js';
import { chain, type Decision, decision, report } from './actions.js';
import { askRange } from './reduction.js';
import { withShortage } from './roster.js';
import type { CoordinatorState, RangeEntry } from './state.js';
import { announce, missedBeats, reducerName, seconds } from './waiting.js';

/** Who sums which range: reducers come, are given a free range, and go. */

export function onReducerHello(state: CoordinatorState, hello: ReducerHello, nowMs: number): Decision {
  const { plan, phase, ranges } = state;
  const { reducer, host } = hello;
  if (ranges.length === 0 || phase === 'ending' || phase === 'ended') return decision(state);
  if (hello.version !== plan.version) {
    const reason = `This run is coordinated by Onko ${plan.version}, the reducer is Onko ${hello.version}: install the same version on both.`;
    return refuse(state, hello, reason);
  }
  if (hello.numericsId !== plan.numericsId) {
    const reason = `This run computes with numerics "${plan.numericsId}", the reducer with "${hello.numericsId}" (kernels "${hello.kernels}"). Start it with the kernels of the run (--kernels).`;
    return refuse(state, hello, reason);
  }
  // Who holds a range, or was offered one, may have missed the offer.
  const own = ranges.findIndex((entry) => entry.reducer === reducer);
  const range = own >= 0 ? own : ranges.findIndex((entry) => entry.reducer === null);
  if (range < 0) return decision(state);
  const entry = ranges[range];
  const held = own >= 0 && entry.held;
  const offered = putRange(state, range, { ...entry, reducer, host, held, lastSeenMs: nowMs }, nowMs);
  return decision(offered, { type: 'offer_range', reducer, range });
}

function refuse(state: CoordinatorState, hello: ReducerHello, reason: string): Decision {
  const line = `Reducer ${hello.reducer} on ${hello.host} is turned away. ${reason}`;
  return decision(state, { type: 'refuse_reducer', reducer: hello.reducer, reason }, report('warn', line));
}

/**
 * The reducer gets the segments of the range: what is to be summed now is asked of it. `begin`: what follows if no range is without
 * one any more.
 */
export function onRangeHeld(
  state: CoordinatorState,
  held: RangeHeld,
  nowMs: number,
  begin: (state: CoordinatorState) => Decision,
): Decision {
  const { plan, ranges, phase } = state;
  const { reducer, range } = held;
  if (held.run !== plan.run || phase === 'ending' || phase === 'ended') return decision(state);
  // It still works for the coordinator before this one. It will say hello when it is called.
  if (held.fence !== plan.fence) return announce(state, nowMs);
  const entry = ranges[range];
  if (entry === undefined || (entry.reducer !== null && entry.reducer !== reducer)) {
    const reason = `Range ${range} of this run has another reducer, or is none.`;
    return decision(state, { type: 'refuse_reducer', reducer, reason });
  }
  // Who counted as gone and has held it all along says no hello.
  const host = entry.reducer === null && entry.before?.reducer === reducer ? entry.before.host : entry.host;
  const next = putRange(state, range, { ...entry, reducer, host, held: true, lastSeenMs: nowMs }, nowMs);
  if (entry.held) return decision(next);
  const line = `Reducer ${reducerName(next.ranges[range])} sums range ${range} of ${ranges.length}.`;
  return [(s: CoordinatorState) => askRange(s, range, nowMs), begin].reduce(
    chain,
    decision(next, report('info', line)),
  );
}

export function onRangeReleased(
  state: CoordinatorState,
  { run, reducer, reason }: RangeReleased,
  nowMs: number,
): Decision {
  if (run !== state.plan.run) return decision(state);
  return freeRangesOf(state, reducer, `left (${reason})`, nowMs);
}

/** Its queue is not there any more. */
export function onReducerGone(state: CoordinatorState, reducer: string, nowMs: number): Decision {
  return freeRangesOf(state, reducer, 'is gone', nowMs);
}

/** Those that missed three heartbeats. */
export function buryReducers(state: CoordinatorState, nowMs: number): Decision {
  if (state.link.type === 'down') return decision(state); // Nobody can be heard.
  const allowedMs = missedBeats * state.plan.heartbeatMs;
  return state.ranges.reduce((before, { reducer, lastSeenMs }) => {
    const silentMs = nowMs - lastSeenMs;
    if (reducer === null || silentMs <= allowedMs) return before;
    const what = `has been silent for ${seconds(silentMs)} and counts as dead`;
    return chain(before, (s) => freeRangesOf(s, reducer, what, nowMs));
  }, decision(state));
}

function freeRangesOf(state: CoordinatorState, reducer: string, what: string, nowMs: number): Decision {
  const range = state.ranges.findIndex((entry) => entry.reducer === reducer);
  if (range < 0) return decision(state);
  const entry = state.ranges[range];
  const { host, lastSeenMs } = entry;
  const before = entry.held ? { reducer, host, lastSeenMs } : entry.before;
  const freed = putRange(state, range, { ...entry, reducer: null, host: '', held: false, before }, nowMs);
  if (!entry.held) return decision(freed);
  const line = `Reducer ${reducerName(entry)} of range ${range} ${what}: another one is called.`;
  return chain(decision(freed, report('warn', line)), (s) => announce(s, nowMs));
}

function putRange(
  state: CoordinatorState,
  range: number,
  entry: RangeEntry,
  nowMs: number,
): CoordinatorState {
  const ranges = state.ranges.map((other, i) => (i === range ? entry : other));
  return withShortage({ ...state, ranges }, nowMs);
}
