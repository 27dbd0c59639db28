import { brokerRows, brokerWaitRows } from './broker-rows.js';
import { commonRows, machineRows } from './common-rows.js';
import * as kind from './kinds.js';
import { allowHost, metricsHost, portKind } from './serving-rows.js';
import { grouped } from './table.js';

const data = grouped('Data');
const output = grouped('Output');
const cluster = grouped('Cluster');

export const workerTable = {
  ...brokerRows,
  threads: cluster.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores',
    'compute threads; each takes one block at a time',
  ),
  data: data.optional(
    kind.path('DIR'),
    'samples come over the broker, once',
    'a copy of the data set on this machine; used where its hashes agree',
  ),
  id: cluster.optional(
    kind.text('NAME'),
    'HOST-PID-xxxx',
    'name of this worker in logs and metrics; letters, digits, ".", "_" and "-", unique on the broker',
    { as: 'workerId' },
  ),
  run: cluster.optional(
    kind.text('NAME'),
    'whatever run needs a worker',
    'work for the run of this name only',
  ),
  metricsPort: output.optional(
    portKind,
    'not served',
    'serve /metrics and /healthz of this worker on this port; 0 takes any free one',
    { as: 'workerMetricsPort' },
  ),
  metricsHost,
  allowHost,
  blockCache: cluster.value(
    kind.integer({ min: 1 }, 'MIB'),
    2048,
    'disk space for data blocks in --cache-dir, in MiB; those that were not used for longest go first',
  ),
  once: cluster.value(kind.toggle, false, 'end after one run instead of waiting for the next'),
  ...brokerWaitRows,
  ...machineRows,
  ...commonRows,
} as const;

export const reducerTable = {
  ...brokerRows,
  id: cluster.optional(
    kind.text('NAME'),
    'HOST-PID-xxxx',
    'name of this reducer in logs and metrics; letters, digits, ".", "_" and "-", unique on the broker',
    { as: 'reducerId' },
  ),
  run: cluster.optional(
    kind.text('NAME'),
    'whatever run needs a reducer',
    'sum for the run of this name only',
  ),
  metricsPort: output.optional(
    portKind,
    'not served',
    'serve /metrics and /healthz of this reducer on this port; 0 takes any free one',
    { as: 'reducerMetricsPort' },
  ),
  metricsHost,
  allowHost,
  once: cluster.value(kind.toggle, false, 'end after one run instead of waiting for the next'),
  ...brokerWaitRows,
  kernels: machineRows.kernels,
  ...commonRows,
} as const;

export const statusTable = {
  ...brokerRows,
  wait: cluster.value(kind.integer({ min: 1 }, 'SECONDS'), 3, 'how long to wait for an answer, in seconds', {
    as: 'statusWait',
  }),
  ...commonRows,
} as const;

export const drainTable = {
  ...brokerRows,
  wait: cluster.value(
    kind.integer({ min: 0 }, 'SECONDS'),
    60,
    'how long to wait until the worker has left, in seconds; 0 only asks',
    { as: 'drainWait' },
  ),
  ...commonRows,
} as const;
