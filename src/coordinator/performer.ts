import type { RangeSum, Result, ToCoordinator } from '../protocol/index.js';
import {
  type CoordinatorLink,
  type Delivery,
  every,
  LinkDownError,
  type LinkState,
  realTimers,
} from '../transport/index.js';
import { writeCurves } from './artifacts.js';
import { assertNever } from './assert-never.js';
import { createBlockServer } from './block-server.js';
import { createChronicle } from './chronicle.js';
import type { Coordinator, CoordinatorConfig } from './config.js';
import { decide } from './decide/decide.js';
import type { CoordinatorEvent } from './decide/events.js';
import { type CoordinatorState, initialState } from './decide/state.js';
import { createDisk } from './disk.js';
import { type Arrived, createEffects } from './effects.js';
import { createEnding } from './ending.js';
import { createHealth } from './health.js';
import { isExhausted } from './history.js';
import type { CoordinatorMetrics } from './metrics.js';
import { createOutbox } from './outbox.js';
import { gradientFormOf, type PreparedRun } from './prepare.js';
import { createPutOff } from './put-off.js';
import { createRecorder } from './recorder.js';
import { createReporter } from './reporter.js';
import { planOf } from './run-plan.js';
import { statusOf } from './status.js';
import { createStepWork, openResult } from './step-work.js';
import type { RunTrace } from './trace.js';
import { createTravelWatch } from './travel-watch.js';
import { createViewing } from './view/view.js';

/** What the performer is put together from; the simulator in test/sim has some that go wrong. */
export interface PerformerParts {
  decide: typeof decide;
  createStepWork: typeof createStepWork;
  writeCurves: typeof writeCurves;
}

export const realParts: PerformerParts = { decide, createStepWork, writeCurves };

/** How often a coordinator looks whether its run was taken over. */
const fenceCheckMs = 2_000;

/** Around the decider: turns messages, timers and finished writes into events, and its actions into messages and tensors. */
export async function startPerformer(
  config: CoordinatorConfig,
  run: PreparedRun,
  link: CoordinatorLink,
  metrics: CoordinatorMetrics,
  trace: RunTrace | null,
  parts: PerformerParts = realParts,
): Promise<Coordinator> {
  const { log, pack, kernels } = config;
  const now = config.now ?? (() => performance.now());
  const recordedEpochs = run.restored?.recordedEpochs ?? 0;
  const position = { step: run.trainer.version(), ahead: run.trainer.ahead(), recordedEpochs };
  let state: CoordinatorState = {
    ...initialState(planOf(config, run), position, now()),
    exhausted: isExhausted(run.restored?.history ?? [], config.spec.patience),
  };

  const chronicle = createChronicle(now, run.restored, config.divergenceFactor ?? null);
  const { batch, delay = 0, mode, gradients } = config.spec;
  const exact = mode === undefined && gradients === undefined;
  const overlapping = delay > 0 || mode?.type === 'async';
  const travel = createTravelWatch({ batch, overlapping, exact });
  const recorder = createRecorder(metrics, trace, now, (step) => {
    const line = travel.add(step);
    if (line !== null) log.warn(line);
  });
  const work = parts.createStepWork(run, kernels, recorder.timeline, now);
  const reporter = createReporter(config, run, chronicle, metrics, recorder, now);
  const viewing = createViewing(config, run, now);
  const health = createHealth(now);
  const fail = (error: unknown): void => {
    state = { ...state, phase: 'ended' };
    ending.failed(error);
  };
  const disk = createDisk(config, run, chronicle, fail);
  const outbox = createOutbox((error) => {
    // What was lost with the link is sent again when it is up: the decider sees to it.
    if (error instanceof LinkDownError) log.debug(`Not sent: ${error.message}`);
    else fail(error);
  });
  const blocks = createBlockServer({
    run: run.file.run,
    pack,
    send: async (worker, response) => {
      await link.send(worker, response).catch((error: unknown) => log.debug(`Not sent: ${String(error)}`));
    },
    onServed: () => metrics.blocksServed.inc(),
  });
  const ending = createEnding({
    config,
    run,
    link,
    chronicle,
    disk,
    draw: parts.writeCurves,
    account: () => {
      accounts.catchUp();
      return reporter.account();
    },
    onClose: () => {
      stopListening();
      run.overflow.close();
    },
  });

  const events: { event: CoordinatorEvent; arrived: Arrived }[] = [];
  /** Until it has begun: what arrives while the queues are being consumed waits, since the beginning empties the tasks. */
  let isDeciding = true;

  const post = (event: CoordinatorEvent, arrived: Arrived = null): void => {
    events.push({ event, arrived });
    if (!isDeciding) decideAll();
  };

  const accounts = createPutOff(config.timers ?? realTimers, (error) => fail(error));
  const perform = createEffects({
    config,
    run,
    link,
    metrics,
    now,
    outbox,
    work,
    chronicle,
    recorder,
    reporter,
    viewing,
    disk,
    blocks,
    ending,
    state: () => state,
    post,
    later: (one) => accounts.add(one),
  });

  /** Decides on the events, and on those that performing them brings, one after the other. */
  const decideAll = (): void => {
    isDeciding = true;
    try {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        const before = state;
        const decided = parts.decide(before, next.event, now());
        state = decided.state;
        for (const action of decided.actions) perform(action, next.arrived);
        reporter.observe(before, state, next.event);
        viewing.observe(() => reporter.progress(state), chronicle.seconds());
        health.observe(state);
      }
    } catch (error) {
      events.length = 0;
      fail(error);
    } finally {
      isDeciding = false;
    }
  };

  const onMessage = (message: ToCoordinator, delivery: Delivery): 'ack' => {
    metrics.link.delivered(delivery);
    if (message.type === 'result') onResult(message, now());
    else if (message.type === 'range_sum') onRangeSum(message, now());
    else post({ type: 'message', message });
    // The ledger has what it needs, and everything else can be computed again: nothing is ever given back.
    return 'ack';
  };

  const form = gradientFormOf(run);
  const onResult = (result: Result, arrivedMs: number): void => {
    if (state.phase === 'ended') return;
    const arrived = openResult(result, arrivedMs, form, run.ranges.length, kernels);
    post({ type: 'result', header: arrived.header }, arrived);
  };

  const onRangeSum = (sum: RangeSum, arrivedMs: number): void => {
    if (state.phase === 'ended') return;
    const { type, values, ...header } = sum;
    const fits = values.byteLength === 4 * (run.ranges[sum.range]?.count ?? Number.NaN);
    post({ type, header: { ...header, fits } }, { values, arrivedMs });
  };

  const onLinkState = (change: LinkState): void => {
    metrics.link.state(change.type);
    switch (change.type) {
      case 'up':
        return post({ type: 'link_up' });
      case 'down':
        return post({ type: 'link_down', reason: change.reason });
      case 'blocked':
        return post({ type: 'link_blocked', reason: change.reason });
      case 'unblocked':
        return post({ type: 'link_unblocked' });
      case 'lost':
        return fail(change.error);
      case 'run_gone':
        return undefined;
      default:
        return assertNever(change);
    }
  };

  link.onState(onLinkState);
  link.onMalformed((reason) => {
    metrics.link.malformed();
    log.warn(`A message could not be read and is dropped: ${reason}`);
  });
  link.onTraffic((traffic) => metrics.link.traffic(traffic));
  const tickMs = Math.min(500, config.heartbeatMs / 4);
  const stopTicking = every(config.timers ?? realTimers, tickMs, () => post({ type: 'tick' }));
  const stopWatching = every(config.timers ?? realTimers, fenceCheckMs, () => disk.checkFence());
  const stopListening = (): void => {
    stopTicking();
    stopWatching();
    blocks.close();
  };
  try {
    await link.receive(onMessage);
  } catch (error) {
    stopListening();
    throw error;
  }
  if (run.restored !== null) disk.saveHistory((failure) => reporter.writeFailed('history', failure.message));
  events.unshift({ event: { type: 'started' }, arrived: null });
  decideAll();
  return {
    finished: ending.summary,
    illness: () => health.illness(),
    view: () => {
      accounts.catchUp();
      const progress = reporter.progress(state);
      return viewing.view(statusOf(state, progress, now()), progress, chronicle.seconds(), chronicle.rows());
    },
    stop: async () => {
      post({ type: 'stop_requested' });
      await ending.summary.then(
        () => undefined,
        () => undefined,
      );
    },
  };
}
