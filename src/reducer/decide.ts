import type { Announce, EndOfRun, FoldRange, RangeOffer, Refuse, Segment } from '../protocol/index.js';

/** Fixed from start to end. */
export interface ReducerSettings {
  once: boolean;
  /** Take part in this run only; null for whatever needs a reducer. */
  run: string | null;
  /** Between two hellos while it has no range, or hears nothing. */
  helloEveryMs: number;
  /** A coordinator that said nothing for this long may be gone: other runs may have this reducer. */
  silentMs: number;
}

export const defaultWaits = { helloEveryMs: 2_000, silentMs: 30_000 } as const;

/** The range that it sums. `bound`: its segments come here. */
export interface Holding {
  offer: RangeOffer;
  bound: boolean;
  heardAtMs: number;
  heldAtMs: number;
}

/** lobby (no holding) ⇄ holding a range; drained or, with `once`, after a run: done. */
export interface ReducerState {
  settings: ReducerSettings;
  link: 'up' | 'down';
  holding: Holding | null;
  helloAtMs: number;
  done: boolean;
  runs: number;
  /** What the user was told already. */
  refusals: readonly string[];
}

export type ReducerEvent =
  | { type: 'link_up' }
  | { type: 'link_down' }
  | { type: 'message'; message: RangeOffer | FoldRange | Announce | Refuse | EndOfRun | Segment }
  /** What came of `bind`. */
  | { type: 'bound'; offer: RangeOffer }
  | { type: 'bind_failed'; offer: RangeOffer; reason: string }
  | { type: 'drain'; reason: string }
  | { type: 'tick' };

export type ReducerAction =
  | { type: 'hello' }
  /** New sums for this range, and its segments to this process. */
  | { type: 'bind'; offer: RangeOffer }
  | { type: 'held'; offer: RangeOffer }
  | { type: 'add'; segment: Segment }
  | { type: 'fold'; request: FoldRange }
  /** `told`: what to tell the coordinator; null if it knows. */
  | { type: 'leave'; run: string; told: string | null }
  | { type: 'report'; level: 'info' | 'warn'; line: string }
  | { type: 'finish' };

export function initialState(settings: ReducerSettings): ReducerState {
  return {
    settings,
    link: 'up',
    holding: null,
    helloAtMs: Number.NEGATIVE_INFINITY,
    done: false,
    runs: 0,
    refusals: [],
  };
}

/** The reducer's mind: pure, as those of coordinator and worker. */
export function decide(
  before: ReducerState,
  event: ReducerEvent,
  nowMs: number,
): { state: ReducerState; actions: ReducerAction[] } {
  const actions: ReducerAction[] = [];
  if (before.done) return { state: before, actions };
  const state = advance(onEvent(before, event, nowMs, actions), nowMs, actions);
  return { state, actions };
}

function onEvent(
  state: ReducerState,
  event: ReducerEvent,
  nowMs: number,
  actions: ReducerAction[],
): ReducerState {
  const { holding } = state;
  switch (event.type) {
    case 'link_down':
      return { ...state, link: 'down' };
    case 'link_up': {
      // Bound again by the link. What came meanwhile is lost, and will be missing.
      const again = holding === null ? null : { ...holding, heldAtMs: Number.NEGATIVE_INFINITY };
      return { ...state, link: 'up', holding: again, helloAtMs: nowMs };
    }
    case 'message':
      return onMessage(state, event.message, nowMs, actions);
    case 'bound':
      if (holding?.offer !== event.offer) return state;
      return { ...state, holding: { ...holding, bound: true, heldAtMs: Number.NEGATIVE_INFINITY } };
    case 'bind_failed':
      if (holding?.offer !== event.offer) return state;
      actions.push({ type: 'report', level: 'warn', line: event.reason });
      return { ...state, holding: null, helloAtMs: nowMs + state.settings.helloEveryMs };
    case 'drain':
      if (holding !== null) actions.push({ type: 'leave', run: holding.offer.run, told: event.reason });
      return { ...state, holding: null, done: true };
    case 'tick':
      return state;
    default:
      throw new TypeError(`Not an event: ${JSON.stringify(event satisfies never)}`);
  }
}

function onMessage(
  state: ReducerState,
  message: Extract<ReducerEvent, { type: 'message' }>['message'],
  nowMs: number,
  actions: ReducerAction[],
): ReducerState {
  const { holding, settings } = state;
  const isOurs = message.run === holding?.offer.run;
  switch (message.type) {
    case 'announce':
      return { ...state, helloAtMs: nowMs };
    case 'range_offer':
      return onOffer(state, message, nowMs, actions);
    case 'segment':
      if (isOurs && holding.offer.fence === message.fence && holding.offer.range === message.range)
        actions.push({ type: 'add', segment: message });
      return state;
    case 'fold_range':
      if (!isOurs || holding.offer.fence !== message.fence || holding.offer.range !== message.range)
        return state;
      actions.push({ type: 'fold', request: message });
      return { ...state, holding: { ...holding, heardAtMs: nowMs } };
    case 'refuse': {
      const isNew = !state.refusals.includes(message.reason);
      if (isNew)
        actions.push({ type: 'report', level: 'warn', line: `Run ${message.run}: ${message.reason}` });
      const told = {
        ...state,
        refusals: isNew ? [...state.refusals, message.reason].slice(-64) : state.refusals,
      };
      if (!isOurs) return told;
      actions.push({ type: 'leave', run: message.run, told: null });
      return { ...told, holding: null, helloAtMs: nowMs + settings.helloEveryMs };
    }
    case 'end_of_run':
      if (!isOurs || message.fence < holding.offer.fence) return state;
      actions.push({
        type: 'report',
        level: 'info',
        line: `Run ${message.run} is over: ${message.outcome}.`,
      });
      actions.push({ type: 'leave', run: message.run, told: null });
      return {
        ...state,
        holding: null,
        runs: state.runs + 1,
        done: settings.once,
        helloAtMs: nowMs + settings.helloEveryMs,
      };
    default:
      throw new TypeError(`Not a message: ${JSON.stringify(message satisfies never)}`);
  }
}

function onOffer(
  state: ReducerState,
  offer: RangeOffer,
  nowMs: number,
  actions: ReducerAction[],
): ReducerState {
  const { holding, settings } = state;
  if (settings.run !== null && settings.run !== offer.run) return state;
  if (holding !== null) {
    const current = holding.offer;
    if (offer.run !== current.run && nowMs - holding.heardAtMs < settings.silentMs) return state;
    if (offer.run === current.run && offer.fence < current.fence) return state;
    if (offer.run === current.run && offer.fence === current.fence && offer.range === current.range) {
      const again = { ...holding, heardAtMs: nowMs, heldAtMs: Number.NEGATIVE_INFINITY };
      return { ...state, holding: again };
    }
  }
  actions.push({ type: 'bind', offer });
  return { ...state, holding: { offer, bound: false, heardAtMs: nowMs, heldAtMs: nowMs } };
}

function advance(state: ReducerState, nowMs: number, actions: ReducerAction[]): ReducerState {
  const { settings, holding, link } = state;
  if (state.done) {
    actions.push({ type: 'finish' });
    return state;
  }
  if (link === 'down') return state;
  let next = state;
  if (holding?.bound === true && nowMs >= holding.heldAtMs + holding.offer.heartbeatMs) {
    actions.push({ type: 'held', offer: holding.offer });
    next = { ...next, holding: { ...holding, heldAtMs: nowMs } };
  }
  const isCalling =
    holding === null || nowMs - holding.heardAtMs >= settings.silentMs || state.helloAtMs === nowMs;
  if (isCalling && nowMs >= state.helloAtMs) {
    actions.push({ type: 'hello' });
    next = { ...next, helloAtMs: nowMs + settings.helloEveryMs };
  }
  return next;
}

/** When `decide` should hear a `tick` at the latest. */
export function nextWakeMs({ link, holding, helloAtMs, settings, done }: ReducerState): number {
  if (link === 'down' || done) return Number.POSITIVE_INFINITY;
  if (holding === null) return helloAtMs;
  const helloMs = Math.max(helloAtMs, holding.heardAtMs + settings.silentMs);
  return holding.bound ? Math.min(helloMs, holding.heldAtMs + holding.offer.heartbeatMs) : helloMs;
}
