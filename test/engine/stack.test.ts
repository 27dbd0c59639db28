import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  initialParameters,
  type Kernels,
  type LayerSpec,
  type Model,
} from '../../src/engine/index.js';
import { stackFor } from '../../src/engine/stack.js';
import { bytes, classesOf, sameBits } from './numbers.js';

const head: LayerSpec[] = [{ type: 'flatten' }, { type: 'linear', units: 6 }, { type: 'softmax' }];
const relu: LayerSpec = { type: 'relu' };
const modelOf = (...layers: LayerSpec[]): Model =>
  buildModel({ name: 'tried', input: [3, 13, 11], layers: [...layers, ...head] });
const orderOf = (model: Model): string[] => stackFor(model, 3).layers.map(({ spec }) => spec.type);

describe('the order of what is computed', () => {
  const conv: LayerSpec = { type: 'conv2d', filters: 4, kernel: 3 };
  const pool: LayerSpec = { type: 'maxpool2d', size: 2 };

  test('pooling comes before the ReLU, which then has fewer values', () => {
    const { layers } = stackFor(modelOf(conv, relu, pool), 3);
    expect(layers.slice(0, 3).map(({ spec }) => spec.type)).toEqual(['conv2d', 'maxpool2d', 'relu']);
    expect(layers[2]).toMatchObject({ input: layers[1].output, output: layers[1].output });
    expect(layers[2].design.output).toEqual(layers[1].output);
  });

  test('ReLU passes several poolings', () => {
    expect(orderOf(modelOf(conv, relu, pool, pool)).slice(0, 4)).toEqual([
      'conv2d',
      'maxpool2d',
      'maxpool2d',
      'relu',
    ]);
  });

  test('a ReLU that is taken by name stays before the pooling; a pooling that is taken does not hinder it', () => {
    const again: LayerSpec = { type: 'conv2d', filters: 4, kernel: 1 };
    const add: LayerSpec = { type: 'add', from: 'a' };
    const named = modelOf(conv, { ...relu, name: 'a' }, again, add, relu, pool, pool);
    expect(orderOf(named).slice(0, 7)).toEqual([
      'conv2d',
      'relu',
      'conv2d',
      'add',
      'maxpool2d',
      'maxpool2d',
      'relu',
    ]);
    const one: LayerSpec = { type: 'maxpool2d', size: 1 };
    const kept = modelOf(conv, { ...relu, name: 'a' }, one, add);
    expect(orderOf(kept).slice(0, 4)).toEqual(['conv2d', 'relu', 'maxpool2d', 'add']);
    const moved = modelOf(conv, relu, { ...pool, name: 'a' }, one, add);
    expect(orderOf(moved).slice(0, 5)).toEqual(['conv2d', 'maxpool2d', 'relu', 'maxpool2d', 'add']);
  });

  // Two values whose tanh is one and the same would have another winner.
  test.each<LayerSpec>([{ type: 'tanh' }, { type: 'leaky_relu' }, { type: 'dropout', rate: 0.5 }])(
    '$type stays before a pooling',
    (layer) => {
      expect(orderOf(modelOf(conv, layer, pool)).slice(0, 3)).toEqual(['conv2d', layer.type, 'maxpool2d']);
    },
  );
});

/** Loss, gradient and probabilities of 37 images of noise, whose rows of one value make equals within a window. */
function compute(model: Model, kernels: Kernels) {
  const count = 37;
  const plan = createPlan(model, kernels, { capacity: 48, scaling: { channels: 3, mean: 0.5, std: 0.3 } });
  const pixels = bytes(4, count * 3 * 13 * 11).map((byte, i) => (i % 40 < 15 ? 128 : byte));
  const batch = { pixels, labels: classesOf(8000, count, model.classes), count };
  const gradient = new Float32Array(model.parameterCount);
  const probabilities = new Float32Array(count * model.classes);
  const parameters = initialParameters(model, 6);
  const tally = plan.gradient(parameters, batch, { seed: 1, step: 0, microshard: 0 }, gradient);
  plan.predict(parameters, pixels, count, probabilities);
  return { tally, gradient, probabilities };
}

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  const convolutions: LayerSpec[] = [1, 2].map((stride) => ({
    type: 'conv2d',
    filters: 5,
    kernel: 3,
    stride,
    padding: 1,
  }));
  const pools: LayerSpec[] = [
    [2, 2],
    [3, 1],
    [3, 2],
    [2, 3],
  ].map(([size, stride]) => ({ type: 'maxpool2d', size, stride }));
  const cases = convolutions.flatMap((conv) => pools.map((pool) => ({ conv, pool })));

  test.each(pools)('%j, taken by name after a ReLU: the bits of the order as written', (pool) => {
    const [conv] = convolutions;
    const rest: LayerSpec[] = [
      { type: 'conv2d', filters: 5, kernel: 1 },
      { type: 'add', from: 'a' },
    ];
    const asWritten = modelOf(conv, relu, { type: 'dropout', rate: 0 }, { ...pool, name: 'a' }, ...rest);
    const swapped = modelOf(conv, relu, { ...pool, name: 'a' }, ...rest);
    expect(orderOf(swapped)[1]).toBe('maxpool2d');
    const [expected, found] = [asWritten, swapped].map((model) => compute(model, kernels));
    expect(found.tally).toEqual(expected.tally);
    expect(sameBits(found.gradient, expected.gradient)).toBe(true);
    expect(sameBits(found.probabilities, expected.probabilities)).toBe(true);
  });

  test.each(cases)('$conv, ReLU, $pool: the bits of the order as written', ({ conv, pool }) => {
    // A dropout of nothing keeps them apart.
    const asWritten = modelOf(conv, relu, { type: 'dropout', rate: 0 }, pool);
    const swapped = modelOf(conv, relu, pool);
    expect(orderOf(asWritten).indexOf('relu')).toBeLessThan(orderOf(asWritten).indexOf('maxpool2d'));
    expect(orderOf(swapped).indexOf('relu')).toBeGreaterThan(orderOf(swapped).indexOf('maxpool2d'));
    const [expected, found] = [asWritten, swapped].map((model) => compute(model, kernels));
    expect(found.tally).toEqual(expected.tally);
    expect(sameBits(found.gradient, expected.gradient)).toBe(true);
    expect(sameBits(found.probabilities, expected.probabilities)).toBe(true);
    expect(found.gradient.some((v) => v !== 0)).toBe(true);
  });
});
