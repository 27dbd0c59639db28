import { initialise } from './init.js';
import { designLayer } from './layers/design.js';
import { type LayerDesign, ShapeMismatch, volume } from './layers/layer.js';
import type { ParameterTensor } from './parameter-tensor.js';
import { type LayerSpec, type ModelSpec, parseModelSpec, type Shape, SpecError } from './spec.js';

export interface ModelLayer {
  index: number;
  spec: LayerSpec;
  input: Shape;
  output: Shape;
  /** Weight then bias; empty for a layer that learns nothing. */
  parameters: readonly ParameterTensor[];
  design: LayerDesign;
}

/** A spec whose shapes fit, with every layer's shapes and every parameter's place worked out. */
export interface Model {
  spec: ModelSpec;
  input: Shape;
  classes: number;
  parameterCount: number;
  parameters: readonly ParameterTensor[];
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
  let shape = input;
  let parameterCount = 0;
  let activations = 0;
  for (const [index, layer] of checked.layers.entries()) {
    const design = designOrExplain(layer, index, shape);
    if (design.storage === 'own') activations += volume(design.output);
    if (activations > maxActivations) {
      throw new SpecError(
        `Layer ${index} (${layer.type}): expected at most ${maxActivations} activations per image up to here, found ${activations}.`,
      );
    }
    const own = design.parameters.map((declared): ParameterTensor => {
      const length = declared.shape.reduce((product, extent) => product * extent, 1);
      const offset = parameterCount;
      parameterCount += length;
      return { name: `${index}.${layer.type}.${declared.role}`, offset, length, ...declared };
    });
    if (parameterCount > maxParameters) {
      throw new SpecError(
        `Layer ${index} (${layer.type}): expected at most ${maxParameters} parameters up to here, found ${parameterCount}.`,
      );
    }
    parameters.push(...own);
    layers.push({ index, spec: layer, input: shape, output: design.output, parameters: own, design });
    shape = design.output;
  }
  if (parameterCount === 0) {
    throw new SpecError(
      'The model has nothing to learn: expected at least one conv2d or linear layer, found none.',
    );
  }
  return { spec: checked, input, classes: shape.channels, parameterCount, parameters, layers };
}

function designOrExplain(layer: LayerSpec, index: number, input: Shape): LayerDesign {
  try {
    return designLayer(layer, input);
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
