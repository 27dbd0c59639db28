import * as kind from './kinds.js';
import { grouped } from './table.js';

const data = grouped('Data');

/** The samples of a run: where they are, which ones to train and to validate on, how they are prepared. */
export const dataRows = {
  data: data.required(
    kind.path('DIR'),
    'say which folder holds the image folders and their CSV files (`onko dataset demo DIR` makes one).',
    'folder with the image folders and, beside each, its CSV with `filename` and `digit`',
  ),
  train: data.required(
    kind.list('FOLDERS'),
    'say which folders below --data to train on, like --train training-a,training-b.',
    'folders below --data to train on, with commas between',
  ),
  validate: data.value(
    kind.validation,
    { fraction: 0.05 },
    'what to validate on after each epoch: a share of the training samples (0 to 1), a folder below --data, or none',
  ),
  maxRejects: data.value(
    kind.integer({ min: 0 }),
    100,
    'stop before training if more files or CSV rows than this cannot be used',
  ),
  preprocessing: data.optional(
    kind.nameOrJson('JSON'),
    'grey, cropped to the ink, in the size of the model’s input',
    'what to change about the preparation of images, like \'{"color":"rgb","crop":null}\'',
  ),
  threads: data.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores, at most 8',
    'threads for decoding images',
  ),
} as const;
