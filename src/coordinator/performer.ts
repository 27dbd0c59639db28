import { asBytes, type Result, type ToCoordinator } from '../protocol/index.js';
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
import type { Action, UnitKey } from './decide/actions.js';
import { decide } from './decide/decide.js';
import type { CoordinatorEvent } from './decide/events.js';
import { type CoordinatorState, initialState } from './decide/state.js';
import { createDisk } from './disk.js';
import { createEnding } from './ending.js';
import { listSamples, runStopped } from './failure-text.js';
import { createHealth } from './health.js';
import { bestEpoch, earlyEnd, isExhausted } from './history.js';
import type { CoordinatorMetrics } from './metrics.js';
import { createOutbox } from './outbox.js';
import type { PreparedRun } from './prepare.js';
import { createRecorder } from './recorder.js';
import { createReporter } from './reporter.js';
import { planOf } from './run-plan.js';
import { statusOf } from './status.js';
import { type ArrivedResult, createStepWork, openResult } from './step-work.js';
import type { RunTrace } from './trace.js';
import { createViewing } from './view/view.js';
import { weightsVersion as versionAt } from './weights-version.js';

/** What the performer is put together from; the simulator in test/sim has some that go wrong. */
export interface PerformerParts {
  decide: typeof decide;
  createStepWork: typeof createStepWork;
  writeCurves: typeof writeCurves;
}

export const realParts: PerformerParts = { decide, createStepWork, writeCurves };

/** Names of samples beside a quarantined task: the header that holds them must fit into one AMQP frame. */
const samplesInDead = 200;

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
  const { trainer, curriculum, fence } = run;
  const { run: runId } = run.file;
  const position = { step: trainer.version(), recordedEpochs: run.restored?.recordedEpochs ?? 0 };
  let state: CoordinatorState = {
    ...initialState(planOf(config, run), position, now()),
    exhausted: isExhausted(run.restored?.history ?? [], config.spec.patience),
  };

  const chronicle = createChronicle(now, run.restored, config.divergenceFactor ?? null);
  const recorder = createRecorder(metrics, trace, now);
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
    run: runId,
    pack,
    send: async (worker, response) => {
      await link.send(worker, response).catch((error: unknown) => log.debug(`Not sent: ${String(error)}`));
    },
    onServed: () => metrics.blocksServed.inc(),
  });
  const { writeCurves: draw } = parts;
  const ending = createEnding({
    config,
    run,
    link,
    chronicle,
    disk,
    draw,
    account: () => reporter.account(),
    onClose: () => stopListening(),
  });

  const events: { event: CoordinatorEvent; arrived: ArrivedResult | null }[] = [];
  /** Until it has begun: what arrives while the queues are being consumed waits, since the beginning empties the tasks. */
  let isDeciding = true;

  const post = (event: CoordinatorEvent, arrived: ArrivedResult | null = null): void => {
    events.push({ event, arrived });
    if (!isDeciding) decideAll();
  };

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

  /** Those of the front that is open, unless the trainer is past it: then, and without a front, those of the next step. */
  const currentWeights = (): { version: number; parameters: Uint8Array } => {
    const step = trainer.version();
    const averaged = versionAt(trainer.averages, 'evaluate', step);
    return trainer.averages && state.front?.weightsVersion === averaged
      ? { version: averaged, parameters: asBytes(trainer.evaluated()) }
      : {
          version: versionAt(trainer.averages, 'train', step),
          parameters: asBytes(trainer.parameters()),
        };
  };

  const weights = () =>
    ({
      type: 'weights',
      run: runId,
      fence,
      ...currentWeights(),
    }) as const;

  const task = ({ mode, step, pass, node }: UnitKey, weightsVersion: number, attempt: number) =>
    ({
      type: 'task',
      run: runId,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      samples: curriculum.samplesOf({ mode, step, pass, node }),
      attempt,
      evaluationSamples: config.spec.batch / config.spec.microshards,
      epoch: Math.floor(step / curriculum.stepsPerEpoch),
    }) as const;

  const sampleNames = (unit: UnitKey): string[] =>
    [...curriculum.samplesOf(unit)].map((index) => pack.names(index));

  const offer = () =>
    ({
      type: 'offer',
      run: runId,
      fence,
      seed: config.spec.seed,
      microshards: config.spec.microshards,
      microshardSamples: config.spec.batch / config.spec.microshards,
      numericsId: kernels.numericsId,
      modelSpecJson: JSON.stringify(run.model.spec),
      manifestJson: JSON.stringify(pack.manifest),
      parameterCount: run.model.parameterCount,
      heartbeatMs: config.heartbeatMs,
      coordinatorVersion: config.version,
      ...run.instructions,
    }) as const;

  const perform = (action: Action, arrived: ArrivedResult | null): void => {
    switch (action.type) {
      case 'announce':
        return outbox.send(() => link.announce());
      case 'offer':
        return outbox.send(() => link.send(action.worker, offer()));
      case 'refuse': {
        const { reason } = action;
        return outbox.send(() => link.send(action.worker, { type: 'refuse', run: runId, reason }));
      }
      case 'send_weights':
        return outbox.send(() => link.send(action.worker, weights()));
      case 'broadcast_weights':
        return outbox.send(() => recorder.broadcasting(() => link.broadcastWeights(weights())));
      case 'purge_tasks':
        return outbox.barrier(() => link.purgeTasks());
      case 'open_front':
        chronicle.startClock();
        recorder.opened(action.mode, action.step);
        return work.open(action.mode, action.passes);
      case 'publish_task':
        if (action.cause !== 'first') metrics.redispatches.inc({ cause: action.cause });
        return outbox.send(() => {
          recorder.published(action);
          return link.publishTask(task(action, action.weightsVersion, action.attempt));
        });
      case 'ask':
        metrics.redispatches.inc({ cause: action.cause });
        return outbox.send(() => {
          recorder.published(action);
          return link.sendTask(action.worker, task(action, action.weightsVersion, action.attempt));
        });
      case 'audited':
        return reporter.audited(action.outcome, action.line);
      case 'expelled':
        return reporter.expelled(action.line);
      case 'accept':
        if (arrived === null) throw new TypeError('Expected a result to accept.');
        recorder.accepted(action, arrived);
        work.fold(action, arrived);
        viewing.accepted(arrived.header.worker, arrived.result);
        return reporter.accepted(action.mode, arrived.header.samples);
      case 'accept_empty':
        return work.foldEmpty(action);
      case 'reject':
        return reporter.rejected(action.reason, action.worker);
      case 'alarm':
        return reporter.alarm(action.unit, action.workers);
      case 'apply_step': {
        const { sums, finite, gradientNorm } = work.apply();
        recorder.closed();
        if (!finite) return post({ type: 'step_applied', step: action.step, finite });
        const trend = chronicle.addStep(sums);
        reporter.stepApplied(action.step, sums, gradientNorm);
        viewing.stepApplied(action.step, sums);
        return post({ type: 'step_applied', step: action.step, finite, trend });
      }
      case 'record_epoch': {
        recorder.closed();
        const evaluation = action.validated ? work.takeEvaluation() : null;
        const validation = evaluation?.sums ?? null;
        const step = trainer.version();
        const learningRate = trainer.learningRateOf(step - 1);
        reporter.epochRecorded(chronicle.recordEpoch({ step, learningRate, validation }));
        const rows = chronicle.rows();
        const { keep, patience } = config.spec;
        if (keep === 'best' && bestEpoch(rows) === rows.at(-1)) trainer.keepBest();
        const exhausted = isExhausted(rows, patience);
        if (exhausted && rows.length < config.spec.epochs) log.info(earlyEnd(rows));
        viewing.epochRecorded(action.epoch + 1, evaluation?.confusion ?? null);
        disk.saveHistory((failure) => reporter.writeFailed('history', failure.message));
        return post({ type: 'epoch_recorded', epoch: action.epoch, exhausted });
      }
      case 'save_checkpoint': {
        const startMs = now();
        return disk.saveCheckpoint((failure, sizeBytes) => {
          if (failure === null) {
            recorder.checkpointSaved(startMs, sizeBytes);
            reporter.checkpointSaved();
            return post({ type: 'checkpoint_saved' });
          }
          reporter.writeFailed('checkpoint', failure.message);
          post({ type: 'checkpoint_failed', reason: failure.message });
        });
      }
      case 'answer_status': {
        const statusJson = JSON.stringify(statusOf(state, reporter.progress(state), now()));
        const report = { type: 'status_report', run: runId, fence, statusJson } as const;
        return outbox.send(() => link.answer(action.observer, report));
      }
      case 'serve_block':
        return blocks.request(action.worker, action.block, action.hash);
      case 'quarantine': {
        metrics.quarantined.inc();
        const { unit, reason } = action;
        const why = `${reason} (samples: ${listSamples(sampleNames(unit), samplesInDead)})`;
        return outbox.send(() => link.quarantineTask(task(unit, currentWeights().version, 0), why));
      }
      case 'report':
        return reporter.report(action.level, action.line, action.waiting);
      case 'finish':
        return ending.finished();
      case 'leave':
        return ending.stopped();
      case 'fail': {
        const { cause } = action;
        return ending.failed(runStopped(cause, cause.type === 'quarantine' ? sampleNames(cause.unit) : []));
      }
      default:
        return assertNever(action);
    }
  };

  const onMessage = (message: ToCoordinator, delivery: Delivery): 'ack' => {
    metrics.link.delivered(delivery);
    if (message.type === 'result') onResult(message, now());
    else post({ type: 'message', message });
    // The ledger has what it needs, and everything else can be computed again: nothing is ever given back.
    return 'ack';
  };

  const onResult = (result: Result, arrivedMs: number): void => {
    if (state.phase === 'ended') return;
    const arrived = openResult(result, arrivedMs);
    post({ type: 'result', header: arrived.header }, arrived);
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
