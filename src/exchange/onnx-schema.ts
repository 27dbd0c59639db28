import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

/** proto/ of the package, seen from dist/export. */
const protoFolder = new URL('../../proto/', import.meta.url);

/** An operator's setting: a whole number, a list of them, or a fraction. */
export type OnnxAttribute = { int: number } | { ints: readonly number[] } | { float: number };

/** One operator of a graph: names of values in and out. */
export interface OnnxNode {
  operator: string;
  inputs: readonly string[];
  output: string;
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  name: string;
  dtype: 'float32' | 'int64';
  shape: readonly number[];
  /** Little-endian, row-major. */
  data: Uint8Array;
}

/** A float32 value that goes in or comes out. */
export interface OnnxValue {
  name: string;
  /** A text names a size that is known only when the model runs. */
  shape: readonly (number | string)[];
}

export interface OnnxModel {
  name: string;
  producer: { name: string; version: string };
  irVersion: number;
  opset: number;
  /** Each after those whose outputs it takes. */
  nodes: readonly OnnxNode[];
  tensors: readonly OnnxTensor[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  metadata: Readonly<Record<string, string>>;
}

const dataTypes = { float32: 1, int64: 7 } as const;

function loadModelType(): protobuf.Type {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => fileURLToPath(new URL(target, protoFolder));
  root.loadSync('onnx/model.proto', { keepCase: true });
  return root.lookupType('onnx.ModelProto');
}

/** Bytes of an ONNX file. Equal models give equal bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const type = loadModelType();
  const message = type.fromObject({
    ir_version: model.irVersion,
    producer_name: model.producer.name,
    producer_version: model.producer.version,
    graph: {
      node: model.nodes.map(toNode),
      name: model.name,
      initializer: model.tensors.map(({ name, dtype, shape, data }) => ({
        dims: shape,
        data_type: dataTypes[dtype],
        name,
        raw_data: data,
      })),
      input: model.inputs.map(toValue),
      output: model.outputs.map(toValue),
    },
    opset_import: [{ domain: '', version: model.opset }],
    metadata_props: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
  });
  return type.encode(message).finish();
}

function toNode({ operator, inputs, output, attributes }: OnnxNode): object {
  return {
    input: inputs,
    output: [output],
    name: output,
    op_type: operator,
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...toAttribute(value) })),
  };
}

function toAttribute(value: OnnxAttribute): object {
  if ('int' in value) return { i: value.int, type: 'INT' };
  if ('ints' in value) return { ints: value.ints, type: 'INTS' };
  return { f: value.float, type: 'FLOAT' };
}

function toValue({ name, shape }: OnnxValue): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type: dataTypes.float32, shape: { dim } } } };
}
