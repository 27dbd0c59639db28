import { commonRows } from './common-rows.js';
import { classifierRows } from './infer-table.js';
import * as kind from './kinds.js';
import { allowHost, portKind } from './serving-rows.js';
import { grouped } from './table.js';

const output = grouped('Output');

export const serveTable = {
  ...classifierRows,
  port: output.value(
    portKind,
    9470,
    'port of the page, /classify, /metrics and /healthz; 0 takes any free one',
    {
      as: 'servePort',
    },
  ),
  host: output.value(
    kind.text('HOST'),
    '127.0.0.1',
    'address to serve on; 0.0.0.0 for every network of the machine',
    { as: 'serveHost' },
  ),
  allowHost,
  maxUpload: output.value(
    kind.integer({ min: 1, max: 32 }, 'MIB'),
    8,
    'largest image file that is taken, in MiB',
  ),
  maxRequests: output.value(
    kind.integer({ min: 1, max: 1024 }, 'COUNT'),
    32,
    'requests that may wait for an answer at once; more are told to come back later',
  ),
  ...commonRows,
} as const;
