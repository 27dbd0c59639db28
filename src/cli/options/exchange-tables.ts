import { commonRows } from './common-rows.js';
import { dataRows } from './data-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

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
