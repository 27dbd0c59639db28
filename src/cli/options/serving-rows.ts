import * as kind from './kinds.js';
import { grouped } from './table.js';

const output = grouped('Output');

/** A port to serve page and metrics on; 0 takes any free one. */
export const portKind = kind.integer({ min: 0, max: 65_535 }, 'PORT');

export const metricsHost = output.value(
  kind.text('HOST'),
  '127.0.0.1',
  'address that page and metrics are served on; 0.0.0.0 for every network of the machine',
);

/** Beside those of this machine: of a proxy, or of another name for it. */
export const allowHost = output.optional(
  kind.list('NAMES'),
  'none',
  'names by which browsers may call what is served on this machine’s own address, beside localhost and 127.0.0.1; with commas between',
);
