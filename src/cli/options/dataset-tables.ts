import { commonRows, machineRows } from './common-rows.js';
import { dataRows } from './data-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const data = grouped('Data');
const training = grouped('Training');
const output = grouped('Output');

export const demoTable = {
  seed: data.value(
    kind.integer({ min: 0, max: 4_294_967_295 }),
    1,
    'seed of every drawing: equal seeds give equal files',
    { as: 'demoSeed' },
  ),
  count: data.optional(
    kind.counts,
    'training-a=2000,training-b=800,testing-a=500',
    'how many images in which folder',
    { as: 'demoCount' },
  ),
  ...commonRows,
} as const;

export const previewTable = {
  data: data.required(
    kind.path('DIR'),
    'say which folder holds the image folders and their CSV files.',
    'folder with the image folders and, beside each, its CSV with `filename` and `digit`',
  ),
  folder: data.required(
    kind.text('FOLDER'),
    'say which folder below --data to take the images from, like --folder training-a.',
    'folder below --data to take the images from',
    { as: 'previewFolder' },
  ),
  augmentation: training.value(kind.nameOrJson('NAME|JSON'), 'affine', 'what to show: as for `onko train`', {
    as: 'previewAugmentation',
  }),
  preprocessing: dataRows.preprocessing,
  rows: data.value(kind.integer({ min: 1, max: 40 }), 10, 'images to show, spread over the digits', {
    as: 'previewRows',
  }),
  columns: data.value(kind.integer({ min: 1, max: 20 }), 8, 'versions of each image beside the original', {
    as: 'previewColumns',
  }),
  seed: data.value(kind.integer({ min: 0, max: 4_294_967_295 }), 1, 'seed of what is drawn', {
    as: 'previewSeed',
  }),
  out: output.value(kind.path('FILE'), 'augmentation.png', 'PNG file to write', { as: 'previewOut' }),
  kernels: machineRows.kernels,
  ...commonRows,
} as const;
