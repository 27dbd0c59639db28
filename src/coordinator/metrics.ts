import type { Registry } from 'prom-client';
import { createLinkMetrics, metricsIn } from '../metrics/index.js';
import { dispatchCauses, rejectReasons } from './decide/actions.js';
import { departureCauses } from './membership-changes.js';
import { stepPhases } from './step-timeline.js';
import { createWorkerSeries } from './worker-series.js';

/** Steps take from a millisecond (a small model in one process) to minutes. */
const stepBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];
const stalenessBuckets = [0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64];
const diskBuckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** As `Progress` has them. */
const runPhases = ['gathering', 'training', 'evaluating', 'finished', 'stopped'] as const;

/** What stays the same as long as a coordinator runs. */
export interface RunFacts {
  run: string;
  fence: number;
  version: string;
  model: string;
  optimizer: string;
  transport: string;
  /** Hash of the packed data set. */
  data: string;
  /** Name of the kernels, and their numerics id. */
  kernels: string;
  numericsId: string;
  totalSteps: number;
  epochs: number;
}

export type CoordinatorMetrics = ReturnType<typeof createCoordinatorMetrics>;

/**
 * The coordinator's metrics, in base units; each known label is there from the start, at zero, and what is not known yet is
 * not there. Every series of the registry gets the label `run`, those of the process included. docs/metrics.md lists them.
 *
 * @param now milliseconds, only forward; `clock` milliseconds since 1970
 */
export function createCoordinatorMetrics(
  registry: Registry,
  facts: RunFacts,
  now: () => number,
  clock: () => number = Date.now,
) {
  registry.setDefaultLabels({ run: facts.run });
  const { counter, gauge, lateGauge, histogram, info } = metricsIn(registry);
  info('onko_build_info', 'Version of Onko, and what this process is.', {
    version: facts.version,
    role: 'coordinator',
  });
  info('onko_run_info', 'What is trained, by which optimizer, over which transport, on which data.', {
    model: facts.model,
    optimizer: facts.optimizer,
    transport: facts.transport,
    data: facts.data.slice(0, 12),
  });
  info('onko_kernels_info', 'Numeric backend of this process, and the numerics id of the run.', {
    backend: facts.kernels,
    numerics_id: facts.numericsId,
  });
  gauge('onko_fence', 'Starts of a coordinator of this run; above 1 the run was resumed.').set(facts.fence);
  gauge('onko_total_steps', 'Steps of the whole run.').set(facts.totalSteps);
  gauge('onko_epochs', 'Epochs of the whole run.').set(facts.epochs);
  const metrics = {
    runPhase: gauge('onko_run_phase', '1 for what the run is doing, 0 for everything else.', ['phase']),
    images: counter('onko_images_total', 'Images whose results were accepted.', ['mode']),
    steps: counter('onko_steps_total', 'Optimizer steps applied by this coordinator.'),
    step: gauge('onko_step', 'Whole steps done since the beginning of the run.'),
    epoch: gauge('onko_epoch', 'Epoch under way, 1 for the first.'),
    eta: lateGauge('onko_eta_seconds', 'Time left at the mean pace of this coordinator.'),
    loss: gauge(
      'onko_loss',
      'Mean cross-entropy in nats: of the last step (train), of the last validation.',
      ['split'],
    ),
    accuracy: gauge(
      'onko_accuracy',
      'Share of correct answers: of the last step (train), of the last validation.',
      ['split'],
    ),
    learningRate: lateGauge('onko_learning_rate', 'Learning rate of the last step.'),
    gradientNorm: lateGauge(
      'onko_gradient_norm',
      'L2 norm of the averaged gradient of the last step, before clipping.',
    ),
    stepSeconds: histogram(
      'onko_step_seconds',
      'Time of a training step: from opening it to its updated parameters.',
      stepBuckets,
    ),
    phaseSeconds: histogram(
      'onko_step_phase_seconds',
      'Time of a training step by phase; the phases of a step add up to it. compute: some worker computes. sum: else, results are checked and folded. update: optimizer. broadcast: else, the weights go to the broker. queue: the rest.',
      stepBuckets,
      ['phase'],
    ),
    workers: gauge('onko_workers', 'Workers that take part.'),
    threads: gauge('onko_threads', 'Compute threads of all workers that take part.'),
    ranges: gauge('onko_ranges', 'Ranges of the parameters that reducers sum; 0: the coordinator sums.'),
    rangesHeld: gauge('onko_ranges_held', 'Ranges that have a reducer; below onko_ranges no step is begun.'),
    joins: counter('onko_worker_joins_total', 'Workers that joined, the same ones again included.'),
    departures: counter('onko_worker_departures_total', 'Workers that take part no more, by cause.', [
      'cause',
    ]),
    redispatches: counter('onko_redispatches_total', 'Blocks published again, by cause.', ['cause']),
    rejects: counter('onko_rejects_total', 'Results not accepted, by reason.', ['reason']),
    staleness: histogram(
      'onko_gradient_staleness_updates',
      'Updates between the weights of a gradient and its own, in asynchronous training.',
      stalenessBuckets,
    ),
    duplicates: counter(
      'onko_duplicates_total',
      'Results for a block that had one, whether or not they were equal.',
    ),
    alarms: counter(
      'onko_duplicate_mismatches_total',
      'Duplicates whose bits differed: some machine computes wrongly.',
    ),
    audits: counter('onko_audits_total', 'Blocks computed by two workers and compared.'),
    auditMismatches: counter(
      'onko_audit_mismatches_total',
      'Audited blocks for which workers gave different bits.',
    ),
    auditsSkipped: counter(
      'onko_audits_skipped_total',
      'Blocks that should have been audited when there was only one worker.',
    ),
    expelled: counter('onko_expelled_workers_total', 'Workers expelled for computing wrongly.'),
    blocksServed: counter('onko_data_blocks_served_total', 'Data blocks sent to workers.'),
    quarantined: counter('onko_quarantined_total', 'Blocks taken out of the run.'),
    checkpoints: counter('onko_checkpoints_total', 'Checkpoints written.'),
    checkpointFailures: counter(
      'onko_checkpoint_failures_total',
      'Checkpoints and histories that could not be written.',
      ['file'],
    ),
    checkpointAge: gauge(
      'onko_checkpoint_age_seconds',
      'Time since the last checkpoint was on disk; before the first, since the start.',
    ),
    checkpointSeconds: histogram(
      'onko_checkpoint_seconds',
      'Time from copying the state of the run to having it on disk, synced.',
      diskBuckets,
    ),
    checkpointSize: lateGauge('onko_checkpoint_size_bytes', 'Size of the last checkpoint.'),
    traceDropped: counter(
      'onko_trace_dropped_events_total',
      'Events that are not in the --trace file: the disk was full or too slow.',
    ),
    link: createLinkMetrics(registry, now),
    perWorker: createWorkerSeries(registry, now, clock),
  };
  for (const phase of runPhases) metrics.runPhase.set({ phase }, phase === 'gathering' ? 1 : 0);
  for (const reason of rejectReasons) metrics.rejects.inc({ reason }, 0);
  for (const cause of dispatchCauses) if (cause !== 'first') metrics.redispatches.inc({ cause }, 0);
  for (const cause of departureCauses) metrics.departures.inc({ cause }, 0);
  for (const phase of stepPhases) metrics.phaseSeconds.zero({ phase });
  for (const file of ['checkpoint', 'history']) metrics.checkpointFailures.inc({ file }, 0);
  for (const mode of ['train', 'evaluate']) metrics.images.inc({ mode }, 0);
  return metrics;
}
