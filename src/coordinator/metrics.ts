import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { dispatchCauses, rejectReasons } from './decide/actions.js';

export const stepPhases = ['broadcast', 'compute', 'queue', 'sum', 'update'] as const;
export type StepPhase = (typeof stepPhases)[number];

/** Steps take from a millisecond (a small model in one process) to minutes. */
const stepBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

export type CoordinatorMetrics = ReturnType<typeof createCoordinatorMetrics>;

/** The coordinator's metrics, in base units; each known label is there from the start, at zero. */
export function createCoordinatorMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> =>
    new Gauge({ name, help, labelNames, registers });
  const metrics = {
    images: counter('onko_images_total', 'Images whose results were accepted.', ['mode']),
    steps: counter('onko_steps_total', 'Optimizer steps applied by this coordinator.'),
    step: gauge('onko_step', 'Whole steps done since the beginning of the run.'),
    epoch: gauge('onko_epoch', 'Epoch under way, 1 for the first.'),
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
    learningRate: gauge('onko_learning_rate', 'Learning rate of the last step.'),
    gradientNorm: gauge(
      'onko_gradient_norm',
      'L2 norm of the averaged gradient of the last step, before clipping.',
    ),
    stepSeconds: new Histogram({
      name: 'onko_step_seconds',
      help: 'Time from publishing the blocks of a step to its updated parameters.',
      buckets: stepBuckets,
      registers,
    }),
    phaseSeconds: new Histogram({
      name: 'onko_step_phase_seconds',
      help: 'Time per step: broadcast of the weights until the broker has them, compute (slowest block), queue (the slowest block on the way, waiting and fetching), sum (folding), update (optimizer).',
      labelNames: ['phase'] as const,
      buckets: stepBuckets,
      registers,
    }),
    workers: gauge('onko_workers', 'Workers that take part.'),
    threads: gauge('onko_worker_threads', 'Compute threads of the workers that take part.'),
    redeliveries: counter(
      'onko_redeliveries_total',
      'Messages to the coordinator that had been delivered before.',
    ),
    redispatches: counter('onko_redispatches_total', 'Blocks published again, by cause.', ['cause']),
    rejects: counter('onko_rejects_total', 'Results not accepted, by reason.', ['reason']),
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
    malformed: counter('onko_malformed_messages_total', 'Messages that could not be read.'),
    bytes: counter('onko_bytes_total', 'Bytes of messages, by direction and type.', ['direction', 'type']),
    blocksServed: counter('onko_data_blocks_served_total', 'Data blocks sent to workers.'),
    quarantined: counter('onko_quarantined_total', 'Blocks taken out of the run.'),
    checkpoints: counter('onko_checkpoints_total', 'Checkpoints written.'),
    checkpointFailures: counter(
      'onko_checkpoint_failures_total',
      'Checkpoints and histories that could not be written.',
      ['file'],
    ),
    checkpointAge: gauge('onko_checkpoint_age_seconds', 'Time since the last checkpoint was on disk.'),
    linkUp: gauge('onko_link_up', '1 while the broker can be reached.'),
  };
  for (const reason of rejectReasons) metrics.rejects.inc({ reason }, 0);
  for (const cause of dispatchCauses) if (cause !== 'first') metrics.redispatches.inc({ cause }, 0);
  for (const phase of stepPhases) metrics.phaseSeconds.zero({ phase });
  for (const file of ['checkpoint', 'history']) metrics.checkpointFailures.inc({ file }, 0);
  for (const mode of ['train', 'evaluate']) metrics.images.inc({ mode }, 0);
  return metrics;
}
