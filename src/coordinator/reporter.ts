import type { Mode } from '../protocol/index.js';
import { accountOf, type RunAccount } from './account.js';
import type { Chronicle } from './chronicle.js';
import type { CoordinatorConfig } from './config.js';
import type { AuditOutcome, RejectReason, UnitKey } from './decide/actions.js';
import type { CoordinatorEvent } from './decide/events.js';
import { type CoordinatorState, readyThreads, readyWorkers } from './decide/state.js';
import type { Sums } from './fold.js';
import type { HistoryRow } from './history.js';
import { membershipChanges } from './membership-changes.js';
import type { CoordinatorMetrics } from './metrics.js';
import { createPaceMeter } from './pace-meter.js';
import type { PreparedRun } from './prepare.js';
import type { Progress } from './progress.js';
import type { Recorder } from './recorder.js';

/** Tells log, metrics and progress what happens; decides nothing. */
export interface Reporter {
  accepted(mode: Mode, samples: number): void;
  rejected(reason: RejectReason, worker: string): void;
  alarm(unit: UnitKey, workers: [string, string]): void;
  audited(outcome: AuditOutcome, line: string | null): void;
  expelled(line: string): void;
  stepApplied(step: number, sums: Sums, gradientNorm: number): void;
  epochRecorded(row: HistoryRow): void;
  checkpointSaved(): void;
  /** Training goes on: the next one may succeed. */
  writeFailed(file: 'checkpoint' | 'history', reason: string): void;
  report(level: 'info' | 'warn', line: string, waiting: boolean): void;
  progress(state: CoordinatorState): Progress;
  account(): Promise<RunAccount>;
  /** After each event, with the state before and after it. */
  observe(before: CoordinatorState, state: CoordinatorState, event: CoordinatorEvent): void;
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

export function createReporter(
  config: CoordinatorConfig,
  run: PreparedRun,
  chronicle: Chronicle,
  metrics: CoordinatorMetrics,
  recorder: Recorder,
  now: () => number,
): Reporter {
  const { log, onProgress, spec } = config;
  const { curriculum, trainer } = run;
  const pace = createPaceMeter(now);
  const workers = new Set<string>();
  let waiting: string | null = null;
  let savedAtMs = now();
  let phase: Progress['phase'] = 'gathering';

  const progress = (state: CoordinatorState): Progress => {
    const { step } = state.position;
    const sums = chronicle.epochSums();
    const last = chronicle.rows().at(-1);
    const empty = sums.samples === 0;
    return {
      run: run.file.run,
      phase,
      epoch: Math.min(state.position.recordedEpochs + 1, spec.epochs),
      epochs: spec.epochs,
      step,
      totalSteps: curriculum.totalSteps,
      loss: empty ? (last?.trainLoss ?? null) : sums.lossSum / sums.samples,
      accuracy: empty ? (last?.trainAccuracy ?? null) : sums.correct / sums.samples,
      learningRate: trainer.learningRateOf(Math.min(step, curriculum.totalSteps - 1)),
      validationLoss: last?.validationLoss ?? null,
      validationAccuracy: last?.validationAccuracy ?? null,
      imagesPerSecond: pace.imagesPerSecond(),
      etaSeconds: pace.etaSeconds(curriculum.totalSteps - step),
      workers: readyWorkers(state).length,
      threads: readyThreads(state),
      waiting,
    };
  };

  /** What clock, heartbeats and steps change, single results not. */
  const observeSlowly = (state: CoordinatorState): void => {
    metrics.workers.set(readyWorkers(state).length);
    metrics.threads.set(readyThreads(state));
    metrics.ranges.set(state.ranges.length);
    metrics.rangesHeld.set(state.ranges.filter(({ held }) => held).length);
    metrics.step.set(state.position.step);
    metrics.epoch.set(Math.min(state.position.recordedEpochs + 1, spec.epochs));
    metrics.checkpointAge.set((now() - savedAtMs) / 1000);
    const eta = pace.etaSeconds(curriculum.totalSteps - state.position.step);
    if (eta !== null) metrics.eta.set(eta);
  };

  return {
    progress,
    account: () => accountOf(metrics, workers, metrics.link.reconnects()),
    accepted(mode, samples) {
      waiting = null;
      metrics.images.inc({ mode }, samples);
    },
    rejected(reason, worker) {
      metrics.rejects.inc({ reason });
      if (reason === 'duplicate') metrics.duplicates.inc();
      log.debug(`A result of ${worker} is not accepted: ${reason}.`);
    },
    alarm(unit, [first, second]) {
      metrics.alarms.inc();
      log.error(
        `Two results for block ${unit.node} of step ${unit.step} have different bits: one of ${first} and ${second} computes wrongly. Check memory and processor of both machines; --audit finds out which one it is.`,
      );
    },
    audited(outcome, line) {
      if (outcome === 'skipped') metrics.auditsSkipped.inc();
      else if (outcome !== 'disputed') metrics.audits.inc();
      if (outcome === 'mismatch' || outcome === 'disputed') metrics.auditMismatches.inc();
      if (line === null) return;
      log.error(line);
      waiting = line;
    },
    expelled(line) {
      metrics.expelled.inc();
      log.error(line);
    },
    stepApplied(step, sums, gradientNorm) {
      pace.addStep(sums.samples);
      metrics.steps.inc();
      metrics.loss.set({ split: 'train' }, sums.lossSum / sums.samples);
      metrics.accuracy.set({ split: 'train' }, sums.correct / sums.samples);
      metrics.learningRate.set(trainer.learningRateOf(step));
      metrics.gradientNorm.set(gradientNorm);
    },
    epochRecorded(row) {
      const { validationLoss, validationAccuracy } = row;
      let validation = '';
      if (validationLoss !== null && validationAccuracy !== null) {
        metrics.loss.set({ split: 'validation' }, validationLoss);
        metrics.accuracy.set({ split: 'validation' }, validationAccuracy);
        validation = `, validation loss ${validationLoss.toFixed(4)}, accuracy ${percent(validationAccuracy)}`;
      }
      log.info(
        `Epoch ${row.epoch} of ${spec.epochs}: loss ${row.trainLoss.toFixed(4)}, accuracy ${percent(row.trainAccuracy)}${validation}, ${row.seconds.toFixed(1)} s, ${Math.round(row.imagesPerSecond)} images/s.`,
      );
    },
    checkpointSaved() {
      savedAtMs = now();
      metrics.checkpoints.inc();
    },
    writeFailed(file, reason) {
      metrics.checkpointFailures.inc({ file });
      const next =
        file === 'history'
          ? 'history.csv is written again after the next epoch'
          : `the checkpoints before it are whole; the next attempt comes in ${Math.round(config.checkpointEveryMs / 1000)} s, or at the end of the epoch`;
      log.warn(
        `A ${file === 'history' ? 'history' : 'checkpoint'} could not be written. ${reason} Training goes on: ${next}.`,
      );
    },
    report(level, line, isWait) {
      log[level](line);
      if (isWait) waiting = line;
    },
    observe(before, state, event) {
      const phaseBefore = phase;
      phase = phaseOf(state);
      if (phase !== phaseBefore) {
        metrics.runPhase.set({ phase: phaseBefore }, 0);
        metrics.runPhase.set({ phase }, 1);
        if (phase !== 'gathering') waiting = null;
      }
      const { joined, left } = membershipChanges(before, state, event);
      metrics.joins.inc(joined.length);
      for (const worker of joined) workers.add(worker);
      for (const worker of joined) recorder.joined(worker);
      for (const { worker, cause } of left) {
        metrics.departures.inc({ cause });
        recorder.left(worker, cause);
      }
      if (event.type !== 'result') observeSlowly(state);
      // Every worker's series at every worker's heartbeat would be the square of the cluster.
      if (event.type === 'tick' || phase !== phaseBefore) metrics.perWorker.observe(state);
      const isWorthIt =
        phase !== phaseBefore ||
        event.type === 'tick' ||
        event.type === 'step_applied' ||
        event.type === 'epoch_recorded';
      if (isWorthIt) onProgress?.(progress(state));
    },
  };
}

function phaseOf(state: CoordinatorState): Progress['phase'] {
  if (state.phase === 'gathering') return 'gathering';
  if (state.phase === 'ending' || state.phase === 'ended') return state.outcome ?? 'stopped';
  return state.fronts[0]?.mode === 'evaluate' ? 'evaluating' : 'training';
}
