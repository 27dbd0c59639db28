import { type Action, chain, type Decision, decision, report } from './actions.js';
import { recordFailure, redispatch } from './dispatch.js';
import type { RangeSumHeader } from './events.js';
import { changeUnits, isUnit, isWhole, keyOf, putFront } from './fronts.js';
import type { CoordinatorState, Front, Reduction, Unit } from './state.js';

/**
 * Where reducers sum: a training step whose blocks are all accepted is summed by them, over the blocks that the ledger says. What
 * they lack is computed again, and then they are asked once more.
 */

/** Whether its gradient is here: in a run without reducers it is when all blocks are. */
export function isSummed(state: CoordinatorState, { mode, reduction }: Front): boolean {
  return state.ranges.length === 0 || mode === 'evaluate' || reduction?.awaited.length === 0;
}

/** Asks for the sums of whole steps that were not asked for yet. */
export function askForSums(state: CoordinatorState): Decision {
  if (state.ranges.length === 0) return decision(state);
  const ready = state.fronts.filter(
    (front) => front.mode === 'train' && front.reduction === null && isWhole(front),
  );
  return ready.reduce((before, front) => chain(before, (s) => askFor(s, front)), decision(state));
}

function askFor(state: CoordinatorState, front: Front): Decision {
  const attempt = state.reductions + 1;
  const awaited = state.ranges.map((_, range) => range);
  const reduction: Reduction = { attempt, awaited, asks: 1, askedAtMs: state.lastProgressMs };
  const asked = putFront({ ...state, reductions: attempt }, { ...front, reduction });
  return decision(asked, ...awaited.flatMap((range) => request(state, front, reduction, range)));
}

/** Nothing for a range that has no reducer: it is asked when there is one. */
function request(state: CoordinatorState, front: Front, { attempt }: Reduction, range: number): Action[] {
  const { reducer, held } = state.ranges[range];
  if (reducer === null || !held) return [];
  return [{ type: 'fold_range', reducer, range, step: front.step, attempt }];
}

/** A reducer has come for this range: it is asked for what is awaited of it. */
export function askRange(state: CoordinatorState, range: number, nowMs: number): Decision {
  return askAgain(
    state,
    () => true,
    nowMs,
    (one) => one === range,
  );
}

/** A request or its answer may have been lost on the way. */
export function askSlow(state: CoordinatorState, nowMs: number): Decision {
  if (state.link.type !== 'up') return decision(state);
  const isLate = ({ asks, askedAtMs }: Reduction): boolean => {
    const since = Math.max(askedAtMs, state.lastProgressMs);
    return nowMs - since >= state.plan.patience.redispatchFloorMs * 2 ** Math.min(asks - 1, 4);
  };
  return askAgain(state, isLate, nowMs);
}

/** After an outage nobody knows what arrived. */
export const askAll = (state: CoordinatorState, nowMs: number): Decision =>
  askAgain(state, () => true, nowMs);

function askAgain(
  state: CoordinatorState,
  which: (reduction: Reduction) => boolean,
  nowMs: number,
  ofRange: (range: number) => boolean = () => true,
): Decision {
  const actions: Action[] = [];
  const fronts = state.fronts.map((front) => {
    const { reduction } = front;
    if (reduction === null || reduction.awaited.length === 0 || !which(reduction)) return front;
    for (const range of reduction.awaited.filter(ofRange))
      actions.push(...request(state, front, reduction, range));
    return { ...front, reduction: { ...reduction, asks: reduction.asks + 1, askedAtMs: nowMs } };
  });
  return decision({ ...state, fronts }, ...actions);
}

/** `close`: what follows when it was the last one. */
export function onRangeSum(
  state: CoordinatorState,
  header: RangeSumHeader,
  nowMs: number,
  close: (state: CoordinatorState) => Decision,
): Decision {
  const { run, fence, reducer, range, step, attempt } = header;
  if (run !== state.plan.run || fence !== state.plan.fence) return decision(state);
  const ranges = state.ranges.map((one) => (one.reducer === reducer ? { ...one, lastSeenMs: nowMs } : one));
  const seen = { ...state, ranges };
  const front = state.fronts.find((one) => one.mode === 'train' && one.step === step);
  const { reduction } = front ?? { reduction: null };
  // A sum over the same list has the same bits, whoever made it; of another list it is void.
  if (front === undefined || reduction?.attempt !== attempt || !reduction.awaited.includes(range))
    return decision(seen);
  if (header.missing.length > 0) return computeAgain(seen, front, header, nowMs);
  // Of another length: asked for again after a time, perhaps of another reducer.
  if (!header.fits) return decision(seen);
  const awaited = reduction.awaited.filter((one) => one !== range);
  const entered = putFront(
    { ...seen, lastProgressMs: nowMs },
    { ...front, reduction: { ...reduction, awaited } },
  );
  return chain(decision(entered, { type: 'take_range', step, range }), close);
}

/** Blocks whose segments a reducer lacks: they are outstanding again. */
function computeAgain(
  state: CoordinatorState,
  front: Front,
  { range, missing, faults, senders }: RangeSumHeader,
  nowMs: number,
): Decision {
  const isMissing = (unit: Unit): boolean =>
    unit.accepted !== null && unit.samples > 0 && missing.includes(unit.node);
  const units = front.units.filter(isMissing);
  const reopened = changeUnits(
    putFront({ ...state, lastProgressMs: nowMs }, { ...front, reduction: null }),
    (unit, of) => {
      if (of.step !== front.step || !isMissing(unit)) return unit;
      return { ...unit, accepted: null, audit: unit.audit === null ? null : { votes: [], asked: null } };
    },
  );
  const count = units.length === 1 ? 'one block' : `${units.length} blocks`;
  const line = `Step ${front.step}: the reducer of range ${range} lacks ${count}, computed again.`;
  const told = decision(
    reopened,
    report('warn', line),
    ...units.map((unit): Action => ({ type: 'forget', ...keyOf(front, unit) })),
  );
  return units.reduce((before, unit) => {
    const at = missing.indexOf(unit.node);
    const [fault, sender] = [faults[at], senders[at]];
    const key = keyOf(front, unit);
    // Only who was believed is to blame; what else came for the block did not count.
    if (fault === undefined || fault === 'lost' || sender !== unit.accepted?.worker)
      return chain(before, (s) => redispatch(s, isUnit(key), 'segment', nowMs));
    // Its result said that all is finite: that is no sign of a training that diverges.
    const how = fault === 'wrong_length' ? fault : 'differs';
    const failure = { worker: sender, how, reason: reasonOf[fault] } as const;
    return chain(before, (s) => recordFailure(s, key, failure, nowMs));
  }, told);
}

const reasonOf = {
  not_finite: 'a segment of its result is not finite',
  wrong_length: 'a segment of its result has the wrong length',
  differs: 'a segment of its result has other bits than its result says',
} as const;
