import { commonRows } from './common-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

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
