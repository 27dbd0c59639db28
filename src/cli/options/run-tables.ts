import { brokerRows, brokerWaitRows } from './broker-rows.js';
import { commonRows, machineRows } from './common-rows.js';
import { dataRows } from './data-rows.js';
import * as kind from './kinds.js';
import { modeRows } from './mode-rows.js';
import { outputRows } from './output-rows.js';
import { allowHost, metricsHost, portKind } from './serving-rows.js';
import { grouped } from './table.js';
import { recipe, trainingRows } from './training-rows.js';

const output = grouped('Output');
const cluster = grouped('Cluster');

/** A run, wherever its workers are. */
const runRows = { recipe, ...dataRows, ...trainingRows, ...modeRows, ...outputRows } as const;

const audit = cluster.value(
  kind.decimal({ min: 0, max: 1 }, 'SHARE'),
  0,
  'share of the blocks (0 to 1) that two workers compute and the coordinator compares; who computes wrongly is expelled',
);
const servedPortKind = kind.orNone(portKind);

export const trainTable = {
  ...runRows,
  audit,
  workers: cluster.optional(
    kind.integer({ min: 1, max: 256 }),
    'one per core',
    'workers in this process, one thread each',
  ),
  metricsPort: output.value(
    servedPortKind,
    0,
    'port of the live page and /metrics; 0 takes any free one, none serves nothing',
  ),
  metricsHost,
  allowHost,
  ...machineRows,
  ...commonRows,
} as const;

export const coordinatorTable = {
  ...brokerRows,
  ...runRows,
  run: cluster.optional(
    kind.text('NAME'),
    'run-xxxxxxxxxxxx',
    'name of the run, by which workers can choose it; letters, digits, ".", "_" and "-"',
  ),
  takeOver: cluster.value(
    kind.toggle,
    false,
    'with --resume: end the coordinator that has the run now, and go on in its place',
  ),
  audit,
  minWorkers: cluster.value(
    kind.integer({ min: 1, max: 4096 }),
    1,
    'workers to wait for before the first step; afterwards one is enough',
  ),
  reducers: cluster.value(
    kind.integer({ min: 0, max: 64 }),
    0,
    'processes of `reducer start` that sum the gradients, a range of the parameters each; waited for like workers. Changes no bit; not with --gradients or local SGD',
  ),
  workerWait: cluster.optional(
    kind.integer({ min: 1 }, 'SECONDS'),
    'wait for ever',
    'give up after so many seconds without enough workers or reducers',
  ),
  heartbeatMs: cluster.value(
    kind.integer({ min: 100, max: 60_000 }, 'MS'),
    2000,
    'time between signs of life of a worker, in milliseconds; three missed ones count as a death',
  ),
  ...brokerWaitRows,
  metricsPort: output.value(
    servedPortKind,
    9464,
    'port of the live page, /metrics and /healthz; 0 takes any free one, none serves nothing',
  ),
  metricsHost,
  allowHost,
  ...machineRows,
  ...commonRows,
} as const;
