import { initialise } from './init.js';
import { designLayer } from './layers/design.js';
import { type LayerDesign, ShapeMismatch, volume } from './layers/layer.js';
import type { ParameterTensor } from './parameter-tensor.js';
import { type LayerSpec, type ModelSpec, parseModelSpec, type Shape, SpecError } from './spec.js';
import type { RunningStatistics } from './statistics.js';

export interface ModelLayer {
  index: number;
  spec: LayerSpec;
  input: Shape;
  output: Shape;
  /** Index of the layer whose output an `add` adds to its input; null for every other layer. */
  from: number | null;
  /** Weight, bias, running statistics; empty for a layer that learns nothing. */
  parameters: readonly ParameterTensor[];
  design: LayerDesign;
}

/** A spec whose shapes fit, with every layer's shapes and every parameter's place worked out. */
export interface Model {
  spec: ModelSpec;
  input: Shape;
  classes: number;
  /** Values of the flat vector: those that are learnt, then the running statistics. */
  parameterCount: number;
  /** How many are learnt; the optimizer sees no others. */
  learntCount: number;
  /** In the order of the flat vector. */
  parameters: readonly ParameterTensor[];
  /** By layer that has them. */
  statistics: readonly RunningStatistics[];
  layers: readonly ModelLayer[];
}

/** 128 MiB of parameters; 256 MiB of activations for sixteen images. A spec beyond them is a slip, not a model for digits. */
const maxParameters = 2 ** 25;
const maxActivations = 2 ** 22;

/**
 * @throws SpecError if the form is wrong, a layer cannot take the shape that reaches it (naming layer, shape expected and
 * shape found), the model is too large, or it has nothing to learn
 */
export function buildModel(spec: ModelSpec): Model {
  const checked = parseModelSpec(spec);
  const [channels, height, width] = checked.input;
  const input: Shape = { channels, height, width };
  const layers: ModelLayer[] = [];
  const parameters: ParameterTensor[] = [];
  const measured: ParameterTensor[] = [];
  const statistics: RunningStatistics[] = [];
  let shape = input;
  let parameterCount = 0;
  let activations = 0;
  const byName = new Map<string, number>();
  for (const [index, layer] of checked.layers.entries()) {
    const from = layer.type === 'add' ? sourceOf(layer.from, index, byName) : null;
    const design = designOrExplain(layer, index, shape, from === null ? null : layers[from]);
    register(layer, index, byName);
    if (design.storage === 'own') activations += volume(design.output);
    if (activations > maxActivations) {
      throw new SpecError(
        `Layer ${index} (${layer.type}): expected at most ${maxActivations} activations per image up to here, found ${activations}.`,
      );
    }
    const own = design.parameters.map((declared): ParameterTensor => {
      const length = declared.shape.reduce((product, extent) => product * extent, 1);
      const tensor = { name: `${index}.${layer.type}.${declared.role}`, offset: 0, length, ...declared };
      if (isMeasured(tensor)) {
        measured.push(tensor);
      } else {
        parameters.push(tensor);
        tensor.offset = parameterCount;
        parameterCount += length;
      }
      return tensor;
    });
    if (parameterCount > maxParameters) {
      throw new SpecError(
        `Layer ${index} (${layer.type}): expected at most ${maxParameters} parameters up to here, found ${parameterCount}.`,
      );
    }
    const [mean, variance] = own.filter(isMeasured);
    if (design.statistics !== undefined) statistics.push({ mean, variance, ...design.statistics });
    layers.push({ index, spec: layer, input: shape, output: design.output, from, parameters: own, design });
    shape = design.output;
  }
  if (parameterCount === 0) {
    throw new SpecError(
      'The model has nothing to learn: expected at least one conv2d or linear layer, found none.',
    );
  }
  const learntCount = parameterCount;
  for (const tensor of measured) {
    tensor.offset = parameterCount;
    parameterCount += tensor.length;
  }
  parameters.push(...measured);
  const classes = shape.channels;
  return { spec: checked, input, classes, parameterCount, learntCount, parameters, statistics, layers };
}

const isMeasured = ({ role }: ParameterTensor): boolean => role === 'running_mean' || role === 'running_var';

/** @throws SpecError unless a layer before this one has the name */
function sourceOf(name: string, index: number, byName: ReadonlyMap<string, number>): number {
  const from = byName.get(name);
  if (from !== undefined) return from;
  const known = byName.size === 0 ? 'none has one' : [...byName.keys()].join(', ');
  throw new SpecError(
    `Layer ${index} (add): expected "from" to be the name of a layer before it (${known}); found "${name}".`,
  );
}

/** @throws SpecError for a name that another layer has */
function register(layer: LayerSpec, index: number, byName: Map<string, number>): void {
  if (layer.name === undefined) return;
  const other = byName.get(layer.name);
  if (other !== undefined) {
    throw new SpecError(
      `Layer ${index} (${layer.type}): expected a name that no other layer has; found "${layer.name}", the name of layer ${other}.`,
    );
  }
  byName.set(layer.name, index);
}

function designOrExplain(
  layer: LayerSpec,
  index: number,
  input: Shape,
  from: ModelLayer | null,
): LayerDesign {
  try {
    return designLayer(layer, input, from);
  } catch (error) {
    if (error instanceof ShapeMismatch)
      throw new SpecError(`Layer ${index} (${layer.type}): ${error.message}.`);
    throw error;
  }
}

/** Parameters before the first step: weights drawn as the spec's `init` says (He normal by default), biases zero. */
export function initialParameters(model: Model, seed: number): Float32Array {
  return initialise(model, seed);
}
