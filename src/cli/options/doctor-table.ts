import { brokerRows } from './broker-rows.js';
import { commonRows, machineRows } from './common-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const data = grouped('Data');
const output = grouped('Output');
const cluster = grouped('Cluster');

export const doctorTable = {
  ...brokerRows,
  broker: cluster.optional(
    kind.brokerUrl,
    'not tried',
    'also try this RabbitMQ: account, rights, version, limits, clock',
  ),
  data: data.optional(kind.path('DIR'), 'not looked at', 'also look at this data set: folders, labels'),
  out: output.optional(kind.path('RUN_DIR'), 'runs', 'folder for runs: may it be written, is there space'),
  ...machineRows,
  ...commonRows,
} as const;
