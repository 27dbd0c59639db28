import { assertNever } from './assert-never.js';
import type { ParameterTensor } from './parameter-tensor.js';
import { createRandom, type Random } from './rng.js';
import type { InitScheme, ModelSpec } from './spec.js';

/** Second part of the key of every stream drawn here, so that no other use of a run's seed meets the same numbers. */
const initStream = 0x1217;

/**
 * Parameters before the first step: weights drawn as the spec's `init` says, where they do not all start at one value, biases zero. Each tensor has a stream of its own,
 * keyed by (seed, place in the model): a layer added at the end leaves the others as they were.
 *
 * - he_*: variance 2/fanIn (He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015), kept by layers that ReLU follows;
 * - glorot_*: variance 2/(fanIn + fanOut) (Glorot, Bengio, "Understanding the difficulty of training …", 2010), for tanh and sigmoid;
 * - *_normal: normal with that variance; *_uniform: uniform over ±√(3 · variance).
 *
 * @returns one flat vector, each tensor at its offset
 */
export function initialise(
  model: { spec: Pick<ModelSpec, 'init'>; parameterCount: number; parameters: readonly ParameterTensor[] },
  seed: number,
): Float32Array {
  const scheme = model.spec.init ?? 'he_normal';
  const flat = new Float32Array(model.parameterCount);
  for (const [index, tensor] of model.parameters.entries()) {
    if (tensor.start !== undefined) flat.fill(tensor.start, tensor.offset, tensor.offset + tensor.length);
    if (tensor.start !== undefined || tensor.role !== 'weight') continue;
    const draw = sampler(scheme, tensor, createRandom(seed, initStream, index));
    for (let i = 0; i < tensor.length; i++) flat[tensor.offset + i] = draw();
  }
  return flat;
}

function sampler(
  scheme: InitScheme,
  { fanIn, fanOut }: Pick<ParameterTensor, 'fanIn' | 'fanOut'>,
  random: Random,
): () => number {
  switch (scheme) {
    case 'he_normal':
      return normal(Math.sqrt(2 / fanIn), random);
    case 'he_uniform':
      return uniform(Math.sqrt(6 / fanIn), random);
    case 'glorot_normal':
      return normal(Math.sqrt(2 / (fanIn + fanOut)), random);
    case 'glorot_uniform':
      return uniform(Math.sqrt(6 / (fanIn + fanOut)), random);
    default:
      return assertNever(scheme);
  }
}

const normal = (deviation: number, random: Random) => () => deviation * random.normal();

const uniform = (bound: number, random: Random) => () => bound * (2 * random.float() - 1);
