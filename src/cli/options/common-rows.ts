import { logLevels } from '../../metrics/index.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const common = grouped('Common');

/** Every command has these. */
export const commonRows = {
  config: common.optional(
    kind.path('FILE'),
    './onko.config.json if there is one',
    'JSON file with options of any command, by their name in camelCase',
  ),
  logLevel: common.value(
    kind.choice(logLevels, 'LEVEL'),
    'info',
    `one of ${logLevels.join(', ')}; progress is shown up to info`,
  ),
  json: common.value(kind.toggle, false, 'log JSON lines instead of plain ones, progress among them'),
  verbose: common.value(kind.toggle, false, 'log everything, and show the stack trace of an error'),
} as const;

/** Of every command that computes. */
export const machineRows = {
  cacheDir: common.optional(
    kind.path('DIR'),
    '~/.cache/onko',
    'folder for packed data sets and data blocks; may be deleted at any time',
  ),
  kernels: common.optional(
    kind.text('NAME'),
    'the fastest that works here',
    'numeric backend to compute with; `onko doctor` shows which there are',
  ),
} as const;
