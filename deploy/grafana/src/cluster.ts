import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.js';
import { curves, row, table } from './parts.js';
import { increase, ofWorkers, rate } from './promql.js';

/** The queues of the run, by RabbitMQ's page for single queues. */
const ofQueues = '{queue=~"onko[.]run[.]$run[.].*"}';

/** Who computes what, who holds whom up, and how the broker is. */
export function clusterDashboard(): Dashboard {
  return frame({
    uid: 'onko-cluster',
    title: 'Onko: cluster',
    description: 'Workers, stragglers, where the time of a step goes, queues, and RabbitMQ.',
    workers: true,
  })
    .withPanel(
      curves({
        title: 'Workers and threads',
        description: 'That take part. Steps are cut into as many blocks as there are threads.',
        unit: 'none',
        min: 0,
        queries: [
          { expr: 'onko_workers{run="$run"}', legend: 'workers' },
          { expr: 'onko_threads{run="$run"}', legend: 'threads' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Joins and departures',
        description:
          'In each interval. Deaths of workers that come back again and again: see OnkoWorkerFlapping in docs/operations.md.',
        unit: 'none',
        min: 0,
        bars: true,
        queries: [
          { expr: `sum(${increase('onko_worker_joins_total')})`, legend: 'joined' },
          {
            expr: `sum by (cause) (${increase('onko_worker_departures_total')})`,
            legend: '{{cause}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Where the time of a step goes',
        description:
          'Mean time of a step by phase; together they are the whole step. compute: some worker computes. broadcast: weights on their way to the broker. sum: results are checked and folded. update: optimizer. queue: everything travels or waits.',
        unit: 's',
        min: 0,
        stacked: true,
        queries: [
          {
            expr: `sum by (phase) (${rate('onko_step_phase_seconds_sum')}) / on () group_left () sum(${rate('onko_step_seconds_count')})`,
            legend: '{{phase}}',
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Workers now',
        description: 'Each worker that takes part, or left within five minutes.',
        by: 'worker',
        queries: [
          { expr: `onko_worker_info${ofWorkers}`, legend: '' },
          { expr: `onko_worker_threads${ofWorkers}`, legend: '' },
          { expr: `onko_worker_images_per_second${ofWorkers}`, legend: '' },
          { expr: `onko_worker_block_p95_seconds${ofWorkers}`, legend: '' },
          { expr: `time() - onko_worker_last_seen_timestamp_seconds${ofWorkers}`, legend: '' },
          { expr: `onko_worker_resident_memory_bytes${ofWorkers}`, legend: '' },
        ],
        columns: [
          { field: 'worker', name: 'worker' },
          { field: 'host', name: 'host' },
          { field: 'backend', name: 'kernels' },
          { field: 'Value #B', name: 'threads' },
          { field: 'Value #C', name: 'images/s', unit: 'img/s' },
          { field: 'Value #D', name: 'block, 95 %', unit: 's' },
          { field: 'Value #E', name: 'silent for', unit: 's' },
          { field: 'Value #F', name: 'memory', unit: 'bytes' },
        ],
      }),
    )
    .withRow(row('Workers'))
    .withPanel(
      curves({
        title: 'Images per second, by worker',
        description: 'Computed between the last two heartbeats.',
        unit: 'img/s',
        min: 0,
        queries: [{ expr: `onko_worker_images_per_second${ofWorkers}`, legend: '{{worker}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Slowest blocks, by worker',
        description:
          'Time that 95 % of a worker’s last 64 blocks took at most. The highest curve holds every step up.',
        unit: 's',
        min: 0,
        queries: [{ expr: `onko_worker_block_p95_seconds${ofWorkers}`, legend: '{{worker}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Stragglers',
        description:
          'How much longer the slowest worker’s blocks take than those of the worker in the middle. Beyond 3 its blocks are sent to others, too.',
        unit: 'short',
        min: 1,
        limits: { warn: 2, bad: 3 },
        queries: [
          {
            expr: 'max(onko_worker_block_p95_seconds{run="$run"}) / quantile(0.5, onko_worker_block_p95_seconds{run="$run"})',
            legend: 'slowest / median',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Threads at work, by worker',
        description: 'Share of its threads’ time that a worker computes.',
        unit: 'percentunit',
        min: 0,
        max: 1,
        queries: [
          {
            expr: `${rate('onko_worker_busy_seconds_total', ofWorkers)} / on (run, worker) (onko_worker_threads${ofWorkers} > 0)`,
            legend: '{{worker}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Blocks in hand, by worker',
        description: 'Computing or waiting, at the last heartbeat.',
        unit: 'none',
        min: 0,
        queries: [{ expr: `onko_worker_blocks_in_hand${ofWorkers}`, legend: '{{worker}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Silence, by worker',
        description:
          'Time since a worker was last heard. Three and a half heartbeats (7 s by default) are a death.',
        unit: 's',
        min: 0,
        queries: [
          {
            expr: `time() - onko_worker_last_seen_timestamp_seconds${ofWorkers} and on (run, worker) onko_worker_threads${ofWorkers} > 0`,
            legend: '{{worker}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Data blocks at hand',
        description:
          'Share of the data blocks that tasks needed and workers had. Low after the first epoch: their caches are too small or were deleted.',
        unit: 'percentunit',
        min: 0,
        max: 1,
        queries: [
          {
            expr: `sum by (worker) (onko_worker_data_cache_hits_total${ofWorkers}) / sum by (worker) (onko_worker_data_cache_hits_total${ofWorkers} + onko_worker_data_cache_misses_total${ofWorkers})`,
            legend: '{{worker}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Traffic of the coordinator',
        description: 'Bytes of messages per second, by direction and type.',
        unit: 'Bps',
        min: 0,
        queries: [
          {
            expr: `sum by (direction, type) (${rate('onko_bytes_total')})`,
            legend: '{{direction}} {{type}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Ranges and their reducers',
        description:
          'Ranges of the parameters that reducers sum, and those that have one: while some have none, no step is begun (OnkoNoReducer in docs/operations.md). Both are 0 where the coordinator sums.',
        unit: 'none',
        min: 0,
        queries: [
          { expr: 'onko_ranges{run="$run"}', legend: 'ranges' },
          { expr: 'onko_ranges_held{run="$run"}', legend: 'with a reducer' },
        ],
      }),
    )
    .withRow(row('RabbitMQ'))
    .withPanel(
      curves({
        title: 'Queues of the run: waiting',
        description:
          'Messages that nobody has taken yet, by queue. Tasks that stay: too few workers. Results that stay: the coordinator does not keep up.',
        unit: 'none',
        min: 0,
        queries: [{ expr: `rabbitmq_detailed_queue_messages_ready${ofQueues}`, legend: '{{queue}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Queues of the run: in hand',
        description: 'Messages that somebody has and has not acknowledged, by queue.',
        unit: 'none',
        min: 0,
        queries: [{ expr: `rabbitmq_detailed_queue_messages_unacked${ofQueues}`, legend: '{{queue}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Messages of the broker',
        description: 'Published and delivered per second, by everybody on the broker.',
        unit: 'ops',
        min: 0,
        queries: [
          {
            expr: 'sum(rate(rabbitmq_global_messages_received_total[$__rate_interval]))',
            legend: 'published',
          },
          {
            expr: 'sum(rate(rabbitmq_global_messages_delivered_total[$__rate_interval]))',
            legend: 'delivered',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Memory of the broker',
        description:
          'At its limit it takes no more messages, and the run stands still: OnkoBrokerBlocked in docs/operations.md.',
        unit: 'bytes',
        min: 0,
        queries: [
          { expr: 'rabbitmq_process_resident_memory_bytes', legend: 'resident' },
          { expr: 'rabbitmq_resident_memory_limit_bytes', legend: 'limit' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Disk of the broker',
        description:
          'Below its limit it takes no more messages, and the run stands still: OnkoBrokerBlocked in docs/operations.md.',
        unit: 'bytes',
        min: 0,
        queries: [
          { expr: 'rabbitmq_disk_space_available_bytes', legend: 'free' },
          { expr: 'rabbitmq_disk_space_available_limit_bytes', legend: 'limit' },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Connections to the broker',
        description:
          'Connections and channels of everybody; a coordinator and a worker have two connections each.',
        unit: 'none',
        min: 0,
        queries: [
          { expr: 'rabbitmq_connections', legend: 'connections' },
          { expr: 'rabbitmq_channels', legend: 'channels' },
        ],
      }),
    )
    .build();
}
