import { designLayer } from './layers/design.js';
import type { LayerDesign } from './layers/layer.js';
import type { Model } from './model.js';
import type { LayerSpec, Shape } from './spec.js';

export interface StackLayer {
  spec: LayerSpec;
  input: Shape;
  output: Shape;
  /** Place of the layer whose output an `add` takes by name; null for every other layer. */
  from: number | null;
  design: LayerDesign;
}

/** The layers that a plan runs for a model. Those that learn, or draw at random, stand where the model has them. */
export interface Stack {
  input: Shape;
  layers: readonly StackLayer[];
}

/**
 * What to compute for a model: the same function and the same gradient with less work.
 *
 * @param pixelChannels of the bytes; fewer than the model's mean that all channels of its input are one and the same
 */
export function stackFor(model: Model, pixelChannels: number): Stack {
  return poolBeforeRelu(readOneChannel(model, pixelChannels));
}

/** Where all channels of the input are alike, a first convolution reads one of them. */
function readOneChannel({ input, layers }: Model, pixelChannels: number): Stack {
  const [first, ...rest] = layers;
  const design = pixelChannels < input.channels ? first.design.onAlikeChannels : undefined;
  if (design === undefined) return { input, layers };
  const seen = { ...input, channels: 1 };
  return { input: seen, layers: [{ ...first, input: seen, design }, ...rest] };
}

/**
 * ReLU, then max pooling, becomes pooling, then ReLU: the largest of what ReLU leaves is what it leaves of the largest, bit for
 * bit, and there are fewer to do. The gradient stays too: where both orders choose different winners, all are at most 0,
 * and ReLU lets nothing through. Not where an `add` takes what ReLU gives by name. What it takes of a pooling is afterwards ReLU's, in the
 * same place.
 */
function poolBeforeRelu({ input, layers }: Stack): Stack {
  const taken = new Set(layers.map(({ from }) => from));
  const swapped = [...layers];
  for (let i = 0; i + 1 < swapped.length; i++) {
    const [relu, pool] = [swapped[i], swapped[i + 1]];
    if (relu.spec.type !== 'relu' || pool.spec.type !== 'maxpool2d' || taken.has(i)) continue;
    swapped[i] = pool;
    swapped[i + 1] = {
      ...relu,
      input: pool.output,
      output: pool.output,
      design: designLayer(relu.spec, pool.output),
    };
  }
  return { input, layers: swapped };
}
