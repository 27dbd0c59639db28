import type { Model, ModelLayer, Shape } from '../engine/index.js';
import { assertNever } from './assert-never.js';
import type { OnnxAttribute, OnnxNode } from './onnx-schema.js';

/** A value of the graph: planes are `[N, C, H, W]`, a vector `[N, C]`. */
interface Value {
  name: string;
  form: 'planes' | 'vector';
}

/** A tensor of whole numbers that an operator takes as an input. */
export interface Constant {
  name: string;
  values: readonly number[];
}

export interface Graph {
  nodes: OnnxNode[];
  constants: Constant[];
}

/**
 * The layers as ONNX operators of opset 17, as they compute in a finished model: normalisation with its running statistics,
 * no dropout. Takes `input` `[N, C, H, W]`; gives `logits` and `probabilities`, `[N, classes]`. Parameters keep their names.
 *
 * To the engine a vector is n×1×1; ONNX tells `[N, n]` and `[N, n, 1, 1]` apart. So every layer takes the form that its
 * operator needs, and a value of the other form is reshaped first.
 */
export function toGraph(model: Model): Graph {
  const nodes: OnnxNode[] = [];
  const constants: Constant[] = [];
  const add = (
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string => {
    nodes.push({ operator, inputs, output, attributes });
    return output;
  };
  const as = (form: Value['form'], value: Value, { channels }: Shape, reader: string): string => {
    if (value.form === form) return value.name;
    const output = `${reader}.${form}`;
    if (form === 'vector') return add('Flatten', [value.name], output, { axis: { int: 1 } });
    const shape = { name: `${output}.shape`, values: [-1, channels, 1, 1] };
    constants.push(shape);
    return add('Reshape', [value.name, shape.name], output);
  };
  /** By layer. */
  const values: Value[] = [];
  const step = (layer: ModelLayer, before: Value): Value => {
    const { spec, input, index } = layer;
    const name = `${index}.${spec.type}`;
    const parameters = layer.parameters.map((tensor) => tensor.name);
    const planes = (operator: string, attributes: Readonly<Record<string, OnnxAttribute>>): Value => ({
      name: add(operator, [as('planes', before, input, name), ...parameters], name, attributes),
      form: 'planes',
    });
    const same = (operator: string, attributes?: Readonly<Record<string, OnnxAttribute>>): Value => ({
      name: add(operator, [before.name, ...parameters], name, attributes),
      form: before.form,
    });
    switch (spec.type) {
      case 'conv2d':
        return planes('Conv', convolution(spec, 1));
      case 'depthwise_conv2d':
        return planes('Conv', convolution(spec, input.channels));
      case 'maxpool2d':
        return planes('MaxPool', window(spec));
      case 'avgpool2d':
        return planes('AveragePool', window(spec));
      case 'global_avgpool2d':
        return planes('GlobalAveragePool', {});
      case 'batchnorm2d':
        return same('BatchNormalization', { epsilon: { float: spec.epsilon ?? 1e-5 } });
      case 'relu':
        return same('Relu');
      case 'leaky_relu':
        return same('LeakyRelu', { alpha: { float: spec.slope ?? 0.01 } });
      case 'tanh':
        return same('Tanh');
      case 'sigmoid':
        return same('Sigmoid');
      case 'dropout':
        return before;
      case 'flatten':
        return { name: as('vector', before, input, name), form: 'vector' };
      case 'linear': {
        const x = as('vector', before, input, name);
        return { name: add('Gemm', [x, ...parameters], name, { transB: { int: 1 } }), form: 'vector' };
      }
      case 'add': {
        const other = as(before.form, values[layer.from ?? 0], input, name);
        return { name: add('Add', [before.name, other], name), form: before.form };
      }
      case 'softmax': {
        const logits = as('vector', before, input, name);
        return { name: add('Softmax', [logits], name, { axis: { int: 1 } }), form: 'vector' };
      }
      default:
        return assertNever(spec);
    }
  };
  let value: Value = { name: 'input', form: 'planes' };
  for (const layer of model.layers) {
    value = step(layer, value);
    values.push(value);
  }
  return { nodes: withOutputNames(nodes), constants };
}

/** What the last node takes becomes `logits`, and what it gives `probabilities`. */
function withOutputNames(nodes: readonly OnnxNode[]): OnnxNode[] {
  const softmax = nodes[nodes.length - 1];
  const names = new Map([
    [softmax.inputs[0], 'logits'],
    [softmax.output, 'probabilities'],
  ]);
  const renamed = (name: string): string => names.get(name) ?? name;
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(renamed),
    output: renamed(node.output),
  }));
}

const square = (size: number): OnnxAttribute => ({ ints: [size, size] });

function convolution(
  {
    kernel,
    stride = 1,
    padding = 0,
  }: { kernel: number; stride?: number | undefined; padding?: number | undefined },
  group: number,
): Record<string, OnnxAttribute> {
  return {
    kernel_shape: square(kernel),
    strides: square(stride),
    // Before height and width, then after both.
    pads: { ints: [padding, padding, padding, padding] },
    group: { int: group },
  };
}

function window({
  size,
  stride = size,
}: {
  size: number;
  stride?: number | undefined;
}): Record<string, OnnxAttribute> {
  return { kernel_shape: square(size), strides: square(stride) };
}
