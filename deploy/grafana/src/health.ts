import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.js';
import { curves, figure, row } from './parts.js';
import { increase, ofWorkers, rate } from './promql.js';

/** What should be zero, what must not grow old, and what must not grow. */
export function healthDashboard(): Dashboard {
  return frame({
    uid: 'onko-health',
    title: 'Onko: health',
    description: 'Rejected and repeated work, checkpoints, connection, memory.',
    workers: true,
  })
    .withPanel(
      figure({
        title: 'Checkpoint age',
        description:
          'What a crash of the coordinator would cost. OnkoCheckpointTooOld in docs/operations.md.',
        unit: 's',
        limits: { warn: 300, bad: 600 },
        queries: [{ expr: 'onko_checkpoint_age_seconds{run="$run"}', legend: 'age' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Broker',
        description: '1 while the coordinator reaches it. OnkoBrokerDown in docs/operations.md.',
        unit: 'none',
        limits: { warn: 1, bad: 0.5 },
        queries: [{ expr: 'onko_link_up{run="$run"}', legend: 'up' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Quarantined blocks',
        description: 'Blocks taken out of the run, which stops. OnkoBlockQuarantined in docs/operations.md.',
        unit: 'none',
        limits: { warn: 0.5, bad: 1 },
        queries: [{ expr: 'onko_quarantined_total{run="$run"}', legend: 'blocks' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Wrong bits',
        description:
          'Results for one block that differ: some machine computes wrongly. OnkoResultsDiffer in docs/operations.md.',
        unit: 'none',
        limits: { warn: 0.5, bad: 1 },
        queries: [
          {
            expr: 'onko_duplicate_mismatches_total{run="$run"} + onko_audit_mismatches_total{run="$run"}',
            legend: 'differ',
          },
        ],
      }),
    )
    .withPanel(
      figure({
        title: 'Expelled workers',
        description: 'For computing wrongly: test memory and processor of their machines.',
        unit: 'none',
        limits: { warn: 0.5, bad: 1 },
        queries: [{ expr: 'onko_expelled_workers_total{run="$run"}', legend: 'workers' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Starts of a coordinator',
        description: 'Above 1 the run was resumed. Its bits are the same.',
        unit: 'none',
        queries: [{ expr: 'onko_fence{run="$run"}', legend: 'starts' }],
      }),
    )
    .withRow(row('Work done twice, or for nothing'))
    .withPanel(
      curves({
        title: 'Results not accepted',
        description:
          'By reason, in each interval. duplicate, stale_step and stale_fence are what is left of something that was done again; wrong_length, not_finite and wrong_version are a worker’s fault.',
        unit: 'none',
        min: 0,
        bars: true,
        queries: [{ expr: `sum by (reason) (${increase('onko_rejects_total')})`, legend: '{{reason}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Blocks sent again',
        description:
          'By cause, in each interval: a death, a worker that left, a block that took too long, an audit.',
        unit: 'none',
        min: 0,
        bars: true,
        queries: [{ expr: `sum by (cause) (${increase('onko_redispatches_total')})`, legend: '{{cause}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Messages again, or unreadable',
        description:
          'Delivered to the coordinator a second time, results for a block that had one, and what could not be read.',
        unit: 'none',
        min: 0,
        bars: true,
        queries: [
          { expr: increase('onko_redeliveries_total'), legend: 'redelivered' },
          { expr: increase('onko_duplicates_total'), legend: 'duplicates' },
          { expr: increase('onko_malformed_messages_total'), legend: 'unreadable' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Audits',
        description:
          'Blocks computed by two workers and compared (--audit), and those for which there was only one worker.',
        unit: 'none',
        min: 0,
        bars: true,
        width: 12,
        queries: [
          { expr: increase('onko_audits_total'), legend: 'compared' },
          { expr: increase('onko_audit_mismatches_total'), legend: 'different' },
          { expr: increase('onko_audits_skipped_total'), legend: 'not possible' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Connection to the broker',
        description:
          'Of the coordinator: time in which the broker took no messages, and connections that came back, per interval.',
        unit: 'none',
        min: 0,
        width: 12,
        queries: [
          { expr: increase('onko_broker_blocked_seconds_total'), legend: 'blocked, in seconds' },
          { expr: increase('onko_reconnects_total'), legend: 'reconnects' },
          {
            expr: `sum(${increase('onko_worker_reconnects_total', ofWorkers)})`,
            legend: 'reconnects of workers',
          },
        ],
      }),
    )
    .withRow(row('Checkpoints'))
    .withPanel(
      curves({
        title: 'Age of the last checkpoint',
        description:
          'Saw teeth as high as --checkpoint-every. A slope that goes on: checkpoints are not written.',
        unit: 's',
        min: 0,
        limits: { warn: 300, bad: 600 },
        queries: [{ expr: 'onko_checkpoint_age_seconds{run="$run"}', legend: 'age' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Time to write a checkpoint',
        description: 'On average, from copying the state to having it on disk. Training goes on meanwhile.',
        unit: 's',
        min: 0,
        queries: [
          {
            expr: `${rate('onko_checkpoint_seconds_sum')} / (${rate('onko_checkpoint_seconds_count')} > 0)`,
            legend: 'mean',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Size and failures',
        description:
          'Size of the last checkpoint; files that could not be written, of checkpoints and of the history.',
        unit: 'bytes',
        min: 0,
        queries: [
          { expr: 'onko_checkpoint_size_bytes{run="$run"}', legend: 'size' },
          { expr: 'onko_checkpoint_failures_total{run="$run"}', legend: 'failures: {{file}}' },
        ],
      }),
    )
    .withRow(row('Processes'))
    .withPanel(
      curves({
        title: 'Resident memory',
        description: 'Of the coordinator and of each worker. It levels off after the first epoch.',
        unit: 'bytes',
        min: 0,
        queries: [
          { expr: 'process_resident_memory_bytes{run="$run"}', legend: 'coordinator' },
          { expr: `onko_worker_resident_memory_bytes${ofWorkers}`, legend: '{{worker}}' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Event loop',
        description: 'How late timers are. Beyond a heartbeat, a process seems dead to others.',
        unit: 's',
        min: 0,
        limits: { warn: 1, bad: 5 },
        queries: [
          { expr: 'nodejs_eventloop_lag_p99_seconds{run="$run"}', legend: 'coordinator, 99 %' },
          {
            expr: `onko_worker_event_loop_lag_seconds${ofWorkers}`,
            legend: '{{worker}}, longest',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Processor time of the coordinator',
        description:
          'Cores in use; one core at its limit is the limit of the run: larger batches, or fewer and larger workers.',
        unit: 'short',
        min: 0,
        queries: [
          { expr: rate('process_cpu_seconds_total'), legend: 'cores' },
          {
            expr: `sum(${rate('nodejs_gc_duration_seconds_sum')})`,
            legend: 'garbage collection',
          },
        ],
      }),
    )
    .build();
}
