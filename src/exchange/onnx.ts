import { channelsOf } from '../data/index.js';
import { buildModel, stateDict } from '../engine/index.js';
import { canonicalJson, type ModelFile, temperatureMetadata } from '../store/index.js';
import { toGraph } from './onnx-graph.js';
import { encodeOnnx, type OnnxTensor } from './onnx-schema.js';

/** Of the operators; every runtime of the last years knows it. IR version 8 is the one that came with it. */
const opset = 17;
const irVersion = 8;

/** The name of the batch's size, which is the caller's choice with every call. */
const batch = 'N';

/**
 * A model as an ONNX file: float32 `input` `[N, C, H, W]`, scaled as in training, to `logits` and `probabilities`
 * `[N, classes]`. Its metadata is that of the model file, and says in words what `input` is. Equal models give equal bytes.
 *
 * @param version of Onko
 */
export function toOnnx(file: ModelFile, version: string): Uint8Array {
  const model = buildModel(file.spec);
  const { channels, height, width } = model.input;
  const { nodes, constants } = toGraph(model);
  const parameters = stateDict(model, file.parameters).map(
    ({ name, shape, data }): OnnxTensor => ({ name, dtype: 'float32', shape, data }),
  );
  return encodeOnnx({
    name: file.spec.name,
    producer: { name: 'onko', version },
    irVersion,
    opset,
    nodes,
    tensors: [
      ...parameters,
      ...constants.map(
        ({ name, values }): OnnxTensor => ({
          name,
          dtype: 'int64',
          shape: [values.length],
          data: int64Bytes(values),
        }),
      ),
    ],
    inputs: [{ name: 'input', shape: [batch, channels, height, width] }],
    outputs: ['logits', 'probabilities'].map((name) => ({ name, shape: [batch, model.classes] })),
    metadata: {
      onko_model: '1',
      spec: canonicalJson(model.spec),
      preprocessing: canonicalJson(file.preprocessing),
      input: describeInput(file, channels),
      classes: canonicalJson(file.classes),
      provenance: canonicalJson(file.provenance),
      ...temperatureMetadata(file),
    },
  });
}

function describeInput({ preprocessing }: ModelFile, channels: number): string {
  const { mean, std } = preprocessing;
  const repeated =
    channelsOf(preprocessing) < channels ? `, the one grey plane ${channels} times as channels` : '';
  return `(byte / 255 - ${mean}) / ${std} of every byte of a prepared image${repeated}`;
}

/** Little-endian, whatever the machine. */
function int64Bytes(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  for (const [i, value] of values.entries()) view.setBigInt64(8 * i, BigInt(value), true);
  return new Uint8Array(view.buffer);
}
