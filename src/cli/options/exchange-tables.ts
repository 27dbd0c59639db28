import { commonRows, machineRows } from './common-rows.js';
import { dataRows } from './data-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const data = grouped('Data');
const model = grouped('Model');
const output = grouped('Output');

export const exportTable = {
  onnx: output.required(
    kind.path('FILE.onnx'),
    'say which file to write, like --onnx model.onnx.',
    'ONNX file to write (opset 17); what prepares images, the classes and the spec stand in its metadata',
    { as: 'exportOnnx' },
  ),
  ...commonRows,
} as const;

export const importTable = {
  model: model.required(
    kind.nameOrJson('NAME|SPEC.json'),
    'say which model the weights are of, like --model lenet-grey or --model spec.json.',
    'the model that the weights are of: as for `onko train`',
    { as: 'importModel' },
  ),
  preprocessing: dataRows.preprocessing,
  out: output.value(kind.path('FILE'), 'model.safetensors', 'model file to write', { as: 'importOut' }),
  ...commonRows,
} as const;

export const calibrateTable = {
  folder: data.required(
    kind.path('FOLDER'),
    'say which labelled folder to fit on, like --folder NumtaDB/training-c: one that the model was not trained on.',
    'folder of images, their labels in FOLDER.csv beside it; neither trained on nor the one to be tested on',
    { as: 'calibrateFolder' },
  ),
  out: output.required(
    kind.path('FILE'),
    'say which model file to write, like --out model.safetensors; it may be MODEL itself.',
    'model file to write: MODEL, with the temperature',
    { as: 'calibrateOut' },
  ),
  threads: data.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores',
    'threads for decoding and computing; the temperature does not depend on it',
  ),
  kernels: machineRows.kernels,
  ...commonRows,
} as const;
