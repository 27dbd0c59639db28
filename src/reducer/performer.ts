import type { Kernels } from '../engine/index.js';
import { asBytes, type FoldRange, type RangeOffer, rangesOf, type Segment } from '../protocol/index.js';
import {
  LinkDownError,
  type LinkState,
  type ReducerLink,
  RunGoneError,
  realTimers,
} from '../transport/index.js';
import type { ReducerConfig, ReducerSummary, RunningReducer } from './config.js';
import {
  decide,
  defaultWaits,
  initialState,
  nextWakeMs,
  type ReducerAction,
  type ReducerEvent,
} from './decide.js';
import type { ReducerMetrics } from './metrics.js';
import { createRangeSums, type RangeSums } from './range-sums.js';

/** A goodbye that the broker does not take within this time is not worth waiting for. */
const goodbyeMs = 2_000;
const longestTimerMs = 2 ** 31 - 1;

function nothing(): void {}

const nothingMissing = { missing: [], faults: [], senders: [] };

/** Around the decider: messages and timers become events, actions become messages and sums. Decides nothing itself. */
export async function startPerformer(
  config: ReducerConfig,
  kernels: Kernels,
  link: ReducerLink,
  metrics: ReducerMetrics,
): Promise<RunningReducer> {
  const { reducer, log, machine, version } = config;
  const now = config.now ?? (() => performance.now());
  const timers = config.timers ?? realTimers;
  let state = initialState({ ...defaultWaits, once: config.once, run: config.run });
  let sums: RangeSums | null = null;
  let sent = 0;
  let isOver = false;
  let cancelTimer = nothing;
  let settle: { resolve: (summary: ReducerSummary) => void; reject: (error: Error) => void };
  const finished = new Promise<ReducerSummary>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever awaits it sees the error; nobody has to.
  finished.catch(() => undefined);

  const events: ReducerEvent[] = [];
  let isDeciding = false;
  const raise = (event: ReducerEvent): void => {
    if (isOver) return;
    events.push(event);
    if (isDeciding) return;
    isDeciding = true;
    try {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        const decided = decide(state, next, now());
        state = decided.state;
        for (const action of decided.actions) perform(action);
      }
    } finally {
      isDeciding = false;
    }
    metrics.holding(state.holding?.bound === true);
    setTimer();
  };

  const setTimer = (): void => {
    cancelTimer();
    const atMs = nextWakeMs(state);
    if (isOver || atMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(Math.max(1, Math.ceil(atMs - now())), longestTimerMs);
    cancelTimer = timers.after(waitMs, () => raise({ type: 'tick' }));
  };

  let ending: Promise<void> | null = null;
  const end = (error: Error | null): Promise<void> => {
    ending ??= tearDown(error);
    return ending;
  };
  const tearDown = async (error: Error | null): Promise<void> => {
    isOver = true;
    cancelTimer();
    await moving;
    try {
      await link.close();
    } catch {
      // It is of no more use, closed or not.
    }
    if (error === null) settle.resolve({ runs: state.runs, sums: sent });
    else settle.reject(error);
  };

  /** What is not said since broker or coordinator are away is said again, or no longer matters. Another error ends the reducer. */
  const unlessAway = async (sending: Promise<void>): Promise<void> => {
    try {
      await sending;
    } catch (error) {
      if (!(error instanceof LinkDownError || error instanceof RunGoneError))
        return void end(error instanceof Error ? error : new Error(String(error)));
      log.debug(`Not sent: ${error.message}`);
    }
  };

  /** Into a range and out of it, one after the other. */
  let moving: Promise<void> = Promise.resolve();
  const move = (step: () => Promise<void>): void => {
    const before = moving;
    moving = (async () => {
      await before;
      await step();
    })();
  };

  const bind = async (offer: RangeOffer): Promise<void> => {
    const { run, range, ranges } = offer;
    try {
      await link.joinRange(run, range);
      log.info(`Summing range ${range} of ${ranges} of run ${run}.`);
      raise({ type: 'bound', offer });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      raise({ type: 'bind_failed', offer, reason });
    }
  };

  const leave = async (run: string, told: string | null): Promise<void> => {
    if (told !== null) {
      const goodbye = unlessAway(link.send(run, { type: 'range_released', run, reducer, reason: told }));
      await Promise.race([goodbye, new Promise<void>((resolve) => void timers.after(goodbyeMs, resolve))]);
    }
    await unlessAway(link.leaveRange());
  };

  const add = (segment: Segment): void => {
    const startMs = now();
    const added = sums?.add(segment) ?? false;
    metrics.segment(segment.values.byteLength, added, now() - startMs);
  };

  const fold = (request: FoldRange): void => {
    if (sums === null) return;
    const { run, fence, range, step, attempt } = request;
    const folded = sums.fold(request);
    const isSum = folded.type === 'sum';
    const { missing, faults, senders } = isSum ? nothingMissing : folded;
    const values = isSum ? asBytes(folded.values) : new Uint8Array(0);
    metrics.answered(isSum);
    sent += isSum ? 1 : 0;
    const at = { run, fence, reducer, range, step, attempt };
    void unlessAway(link.publishSum({ type: 'range_sum', ...at, missing, faults, senders, values }));
  };

  const perform = (action: ReducerAction): void => {
    switch (action.type) {
      case 'hello': {
        const { numericsId, name } = kernels;
        const hello = { reducer, host: machine.host, pid: machine.pid, numericsId, kernels: name, version };
        return void unlessAway(link.hello({ type: 'reducer_hello', ...hello }));
      }
      case 'bind': {
        const { offer } = action;
        sums = createRangeSums(
          kernels,
          rangesOf(offer.parameterCount, offer.ranges)[offer.range]?.count ?? 0,
        );
        return move(() => bind(offer));
      }
      case 'held': {
        const { run, fence, range } = action.offer;
        return void unlessAway(link.send(run, { type: 'range_held', run, fence, reducer, range }));
      }
      case 'add':
        return add(action.segment);
      case 'fold':
        return fold(action.request);
      case 'leave':
        sums = null;
        return move(() => leave(action.run, action.told));
      case 'report':
        return log[action.level](action.line);
      case 'finish':
        return void end(null);
      default:
        throw new TypeError(`Not an action: ${JSON.stringify(action satisfies never)}`);
    }
  };

  const onLinkState = (change: LinkState): void => {
    metrics.link.state(change.type);
    switch (change.type) {
      case 'up':
        return raise({ type: 'link_up' });
      case 'down':
        log.warn(`The broker is away: ${change.reason}`);
        return raise({ type: 'link_down' });
      case 'blocked':
        return log.warn(`The broker takes no messages for now: ${change.reason}`);
      case 'unblocked':
        return log.info('The broker takes messages again.');
      case 'lost':
        return void end(change.error);
      case 'run_gone':
        return undefined;
      default:
        throw new TypeError(`Not a state of a link: ${JSON.stringify(change satisfies never)}`);
    }
  };

  link.onState(onLinkState);
  link.onTraffic((traffic) => metrics.link.traffic(traffic));
  link.onMalformed((reason) => {
    metrics.link.malformed();
    log.warn(`A message was dropped: ${reason}`);
  });
  await unlessAway(
    link.receive((message, delivery) => {
      metrics.link.delivered(delivery);
      raise({ type: 'message', message });
    }),
  );
  raise({ type: 'tick' });
  return {
    finished,
    illness: () =>
      state.link === 'down' ? 'The broker is away; the reducer goes on when it is back.' : null,
    drain: async (reason) => {
      raise({ type: 'drain', reason });
      await finished;
    },
  };
}
