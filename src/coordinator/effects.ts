import type { ToReducer } from '../protocol/index.js';
import type { CoordinatorLink } from '../transport/index.js';
import { assertNever } from './assert-never.js';
import type { BlockServer } from './block-server.js';
import type { Chronicle } from './chronicle.js';
import type { CoordinatorConfig } from './config.js';
import type { Action } from './decide/actions.js';
import type { CoordinatorEvent } from './decide/events.js';
import { type FrontKey, frontOf } from './decide/fronts.js';
import type { CoordinatorState } from './decide/state.js';
import type { Disk } from './disk.js';
import type { Ending } from './ending.js';
import { listSamples, runStopped } from './failure-text.js';
import { bestEpoch, earlyEnd, isExhausted } from './history.js';
import type { CoordinatorMetrics } from './metrics.js';
import { newestOnly } from './newest-only.js';
import type { Outbox } from './outbox.js';
import { outgoingMessages } from './outgoing.js';
import type { PreparedRun } from './prepare.js';
import type { Recorder } from './recorder.js';
import type { ReducedSums } from './reduced-sums.js';
import type { Reporter } from './reporter.js';
import { statusOf } from './status.js';
import type { ArrivedResult, StepWork } from './step-work.js';
import type { Viewing } from './view/view.js';

/** Names of samples beside a quarantined task: the header that holds them must fit into one AMQP frame. */
const samplesInDead = 200;

/** What the effects act on. */
export interface EffectTargets {
  config: CoordinatorConfig;
  run: PreparedRun;
  link: CoordinatorLink;
  metrics: CoordinatorMetrics;
  now: () => number;
  outbox: Outbox;
  work: StepWork;
  chronicle: Chronicle;
  recorder: Recorder;
  reporter: Reporter;
  viewing: Viewing;
  disk: Disk;
  blocks: BlockServer;
  ending: Ending;
  /** As it is at the moment of asking: a message that had to wait says what is so when it leaves. */
  state: () => CoordinatorState;
  /** Takes what came of an effect, to be decided on after the actions at hand. */
  post: (event: CoordinatorEvent) => void;
  /** Puts off what nobody waits for: the next step's weights and tasks go out before the last one is accounted for. */
  later: (work: () => void) => void;
}

/** What an event brought with it that the decider does not see: a result with its gradient, or the sum of a range. */
export type Arrived = ArrivedResult | { values: Uint8Array; arrivedMs: number } | null;

/** The effect of every action: what it does to tensors, messages, files and figures. */
export function createEffects(targets: EffectTargets): (action: Action, arrived: Arrived) => void {
  const { config, run, link, metrics, now, outbox, work, state, post, later } = targets;
  const { chronicle, recorder, reporter, viewing, disk, blocks, ending } = targets;
  const { trainer, fence } = run;
  const { run: runId } = run.file;
  const messages = outgoingMessages(config, run, state);

  /** After its blocks, which are accounted for later too. */
  const close = (front: FrontKey): void => {
    const endMs = now();
    later(() => recorder.closed(front, endMs));
  };

  const applyStep = (step: number): void => {
    const { sums, finite, gradientNorm } = work.apply(step);
    close({ mode: 'train', step });
    if (!finite) return post({ type: 'step_applied', step, finite });
    const trend = chronicle.addStep(sums);
    // Asynchronous steps are not applied in the order of their numbers; schedule and curves go by that of the updates.
    const update = trainer.version() - 1;
    later(() => {
      reporter.stepApplied(update, sums, gradientNorm);
      viewing.stepApplied(update, sums);
    });
    post({ type: 'step_applied', step, finite, trend });
  };

  const recordEpoch = (epoch: number, validated: boolean): void => {
    const step = trainer.version();
    close({ mode: 'evaluate', step: step - 1 });
    const evaluation = validated ? work.takeEvaluation() : null;
    const validation = evaluation?.sums ?? null;
    const learningRate = trainer.learningRateOf(step - 1);
    reporter.epochRecorded(chronicle.recordEpoch({ step, learningRate, validation }));
    const rows = chronicle.rows();
    const { keep, patience, epochs } = config.spec;
    if (keep === 'best' && bestEpoch(rows) === rows.at(-1)) trainer.keepBest();
    const exhausted = isExhausted(rows, patience);
    if (exhausted && rows.length < epochs) config.log.info(earlyEnd(rows));
    viewing.epochRecorded(epoch + 1, evaluation?.confusion ?? null);
    disk.saveHistory((failure) => reporter.writeFailed('history', failure.message));
    post({ type: 'epoch_recorded', epoch, exhausted });
  };

  const broadcastNow = (version: number): Promise<void> => {
    const fronts = state().fronts.filter((front) => front.weightsVersion === version);
    return recorder.broadcasting(fronts, () => link.broadcastWeights(messages.weights(version)));
  };
  // Asynchronous updates may come faster than weights can be sent, and of those only the newest are wanted.
  const broadcast = state().plan.staleness === null ? broadcastNow : newestOnly(broadcastNow);

  const saveCheckpoint = (): void => {
    const startMs = now();
    disk.saveCheckpoint((failure, sizeBytes) => {
      if (failure === null) {
        recorder.checkpointSaved(startMs, sizeBytes);
        reporter.checkpointSaved();
        return post({ type: 'checkpoint_saved' });
      }
      reporter.writeFailed('checkpoint', failure.message);
      post({ type: 'checkpoint_failed', reason: failure.message });
    });
  };

  const toReducer = (reducer: string, message: ToReducer): void =>
    outbox.send(async () => {
      if (!(await link.sendToReducer(reducer, message))) post({ type: 'reducer_gone', reducer });
    });

  return (action, arrived) => {
    switch (action.type) {
      case 'announce':
        return outbox.send(() => link.announce());
      case 'offer':
        return outbox.send(() => link.send(action.worker, messages.offer()));
      case 'refuse': {
        const { reason } = action;
        return outbox.send(() => link.send(action.worker, { type: 'refuse', run: runId, reason }));
      }
      case 'send_weights':
        return outbox.send(() => link.send(action.worker, messages.weights(action.version)));
      case 'broadcast_weights':
        return outbox.send(() => broadcast(action.version));
      case 'purge_tasks':
        return outbox.barrier(() => link.purgeTasks());
      case 'open_front':
        chronicle.startClock();
        recorder.opened(action);
        return work.open(action, action.passes);
      case 'publish_task':
        if (action.cause !== 'first') metrics.redispatches.inc({ cause: action.cause });
        return outbox.send(() => {
          recorder.published(action);
          return link.publishTask(messages.task(action, action.weightsVersion, action.attempt));
        });
      case 'ask':
        metrics.redispatches.inc({ cause: action.cause });
        return outbox.send(() => {
          recorder.published(action);
          return link.sendTask(action.worker, messages.task(action, action.weightsVersion, action.attempt));
        });
      case 'audited':
        return reporter.audited(action.outcome, action.line);
      case 'expelled':
        return reporter.expelled(action.line);
      case 'accept':
        if (arrived === null || 'values' in arrived) throw new TypeError('Expected a result to accept.');
        work.fold(action, arrived);
        return later(() => {
          recorder.accepted(action, arrived);
          viewing.accepted(arrived.header.worker, arrived.result);
          if (action.staleness !== undefined) metrics.staleness.observe(action.staleness);
          reporter.accepted(action.mode, arrived.header.samples);
        });
      case 'forget':
        return work.forget(action);
      case 'offer_range':
        return toReducer(action.reducer, messages.rangeOffer(action.range));
      case 'refuse_reducer': {
        const { reducer, reason } = action;
        return toReducer(reducer, { type: 'refuse', run: runId, reason });
      }
      case 'fold_range': {
        const { range, step, attempt } = action;
        const request = reducedOf(work).request(step, range);
        const at = { run: runId, fence, range, step, attempt, oldestStep: trainer.version() };
        return toReducer(action.reducer, { type: 'fold_range', ...at, ...request });
      }
      case 'take_range': {
        if (arrived === null || !('values' in arrived)) throw new TypeError('Expected a sum to take.');
        reducedOf(work).take(action.step, action.range, arrived.values);
        const span = { startMs: arrived.arrivedMs, endMs: now() };
        return recorder.timeline.add({ mode: 'train', step: action.step }, 'sum', span);
      }
      case 'accept_empty':
        return work.foldEmpty(action);
      case 'reject':
        return reporter.rejected(action.reason, action.worker);
      case 'alarm':
        return reporter.alarm(action.unit, action.workers);
      case 'apply_step':
        return applyStep(action.step);
      case 'record_epoch':
        return recordEpoch(action.epoch, action.validated);
      case 'save_checkpoint':
        return saveCheckpoint();
      case 'answer_status': {
        const statusJson = JSON.stringify(statusOf(state(), reporter.progress(state()), now()));
        const report = { type: 'status_report', run: runId, fence, statusJson } as const;
        return outbox.send(() => link.answer(action.observer, report));
      }
      case 'serve_block':
        return blocks.request(action.worker, action.block, action.hash);
      case 'quarantine': {
        metrics.quarantined.inc();
        const { unit, reason } = action;
        const why = `${reason} (samples: ${listSamples(messages.sampleNames(unit), samplesInDead)})`;
        const version = frontOf(state(), unit)?.weightsVersion ?? 0;
        return outbox.send(() => link.quarantineTask(messages.task(unit, version, 0), why));
      }
      case 'report':
        return reporter.report(action.level, action.line, action.waiting);
      case 'finish':
        return ending.finished();
      case 'leave':
        return ending.stopped();
      case 'fail': {
        const { cause } = action;
        const samples = cause.type === 'quarantine' ? messages.sampleNames(cause.unit) : [];
        return ending.failed(runStopped(cause, samples));
      }
      default:
        return assertNever(action);
    }
  };
}

function reducedOf({ reduced }: StepWork): ReducedSums {
  if (reduced === null) throw new TypeError('Expected a run with reducers.');
  return reduced;
}
