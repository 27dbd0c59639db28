import { commonRows, machineRows } from './common-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const data = grouped('Data');
const output = grouped('Output');

/** Of every command that classifies. */
export const classifierRows = {
  model: data.optional(
    kind.path('FILE'),
    'that of the last run',
    'model file (model.safetensors of a run folder)',
    {
      as: 'inferModel',
    },
  ),
  tta: data.value(
    kind.toggle,
    false,
    'look at each image three times, as it is and moved by a 32nd of its side both ways, and take the mean: fewer mistakes, three times the work',
  ),
  threads: data.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores',
    'threads for decoding and computing; the figures do not depend on it',
  ),
  kernels: machineRows.kernels,
} as const;

export const inferTable = {
  eval: data.value(
    kind.toggle,
    false,
    'compare with the labels in FOLDER.csv: accuracy, macro F1, loss, scores per class, confusion matrix',
  ),
  ...classifierRows,
  null: data.value(
    kind.toggle,
    false,
    'paths on standard input end with a zero byte, as `find -print0` writes them, instead of a line break',
    { as: 'nullPaths', short: '0' },
  ),
  out: output.optional(
    kind.path('DIR'),
    'FOLDER; for the review.csv of files, the current folder',
    'where predictions.FORMAT, review.csv and evaluation/ are written',
    {
      as: 'inferOut',
    },
  ),
  format: output.value(
    kind.choice(['csv', 'json', 'ndjson'], 'FORMAT'),
    'csv',
    'how predictions are written: csv, json (one array) or ndjson (an object a line)',
  ),
  top: output.value(
    kind.integer({ min: 1 }, 'K'),
    1,
    'most probable digits to write for each image, with their confidences',
  ),
  review: output.optional(
    kind.decimal({ above: 0, max: 1 }),
    'none',
    'confidence below which a person should look: those are listed in review.csv, least certain first',
  ),
  report: output.optional(
    kind.path('FILE.html'),
    'none',
    'with --eval: one page that needs nothing else, with figures, diagrams, the worst mistakes as pictures, and what was evaluated',
  ),
  ...commonRows,
} as const;
