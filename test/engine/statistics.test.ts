import { expect, test } from 'vitest';
import {
  buildModel,
  createPlan,
  initialParameters,
  resolveKernels,
  scaleGradient,
  updateStatistics,
} from '../../src/engine/index.js';
import { bytes, classesOf, relativeError } from './numbers.js';

const { kernels } = resolveKernels();
const scaling = { channels: 3, mean: 0.4, std: 0.3 } as const;
const momentum = 0.3;
const area = 36;
// A normalisation of the images themselves: what it must measure can be worked out from the bytes.
const model = buildModel({
  name: 'measures',
  input: [3, 6, 6],
  layers: [
    { type: 'batchnorm2d', momentum },
    { type: 'flatten' },
    { type: 'linear', units: 4 },
    { type: 'softmax' },
  ],
});
const [{ mean, variance }] = model.statistics;
const key = { seed: 1, step: 0, microshard: 0 };

const batchOf = (count: number, first = 0) => ({
  pixels: bytes(first * 3 * area, count * 3 * area),
  labels: classesOf(50, count, 4),
  count,
});

/** The gradient of a batch in the places of the statistics is added up over its parts, as over workers. */
function measured(parameters: Float32Array, counts: number[]): Float32Array {
  const plan = createPlan(model, kernels, { capacity: 48, scaling });
  const sum = new Float32Array(model.parameterCount);
  let first = 0;
  for (const count of counts) {
    const part = new Float32Array(model.parameterCount);
    plan.gradient(parameters, batchOf(count, first), key, part);
    kernels.add(sum, part);
    first += count;
  }
  scaleGradient(sum, 1 / first);
  const moved = parameters.slice();
  updateStatistics(model.statistics, moved, sum, first);
  return moved;
}

/** Mean and unbiased variance of each channel over the first `count` images. */
function expected(count: number): { means: number[]; variances: number[] } {
  const { pixels } = batchOf(count);
  const channels = [0, 1, 2].map((c) => {
    const own = [...pixels].filter((_, i) => Math.floor(i / area) % 3 === c);
    const values = own.map((byte) => (byte / 255 - scaling.mean) / scaling.std);
    const average = values.reduce((sum, v) => sum + v, 0) / values.length;
    const squares = values.reduce((sum, v) => sum + (v - average) ** 2, 0);
    return { average, unbiased: squares / (values.length - 1) };
  });
  return { means: channels.map((c) => c.average), variances: channels.map((c) => c.unbiased) };
}

const at = (flat: Float32Array, { offset, length }: { offset: number; length: number }): Float32Array =>
  flat.subarray(offset, offset + length);

test('stand behind what is learnt, and begin at 0 and 1', () => {
  const parameters = initialParameters(model, 3);
  expect(model.learntCount).toBe(3 + 3 + 4 * 108 + 4);
  expect(model.parameterCount).toBe(model.learntCount + 6);
  expect(model.parameters.map(({ name }) => name)).toEqual([
    '0.batchnorm2d.weight',
    '0.batchnorm2d.bias',
    '2.linear.weight',
    '2.linear.bias',
    '0.batchnorm2d.running_mean',
    '0.batchnorm2d.running_var',
  ]);
  expect([...parameters.subarray(0, 6)]).toEqual([1, 1, 1, 0, 0, 0]);
  expect([...parameters.subarray(model.learntCount)]).toEqual([0, 0, 0, 1, 1, 1]);
});

test('a step moves them towards those of its whole batch, however it is cut', () => {
  const parameters = initialParameters(model, 3);
  for (const counts of [
    [80 - 43, 43],
    [5, 11, 48, 16],
    [1, 47, 32],
  ]) {
    const moved = measured(parameters, counts);
    const { means, variances } = expected(80);
    expect(
      relativeError(
        at(moved, mean),
        means.map((v) => momentum * v),
      ),
    ).toBeLessThan(1e-5);
    expect(
      relativeError(
        at(moved, variance),
        variances.map((v) => 1 - momentum + momentum * v),
      ),
    ).toBeLessThan(1e-5);
    expect(moved.subarray(0, model.learntCount)).toEqual(parameters.subarray(0, model.learntCount));
  }
});

test('step by step they come to the true ones, and evaluation uses them', () => {
  let parameters = initialParameters(model, 3);
  for (let step = 0; step < 60; step++) parameters = measured(parameters, [48, 32]);
  const { means, variances } = expected(80);
  expect(relativeError(at(parameters, mean), means)).toBeLessThan(1e-5);
  expect(relativeError(at(parameters, variance), variances)).toBeLessThan(1e-5);
  const plan = createPlan(model, kernels, { capacity: 48, scaling });
  const loss = plan.evaluate(parameters, batchOf(7)).lossSum;
  // The same layer without a normalisation, given weights that do the same.
  const plain = buildModel({ ...model.spec, layers: model.spec.layers.slice(1) });
  const folded = new Float32Array(plain.parameterCount);
  const [weight, bias] = [at(parameters, model.parameters[2]), at(parameters, model.parameters[3])];
  for (let u = 0; u < 4; u++) {
    folded[4 * 108 + u] = bias[u];
    for (let i = 0; i < 108; i++) {
      const c = Math.floor(i / area);
      const scale = 1 / Math.sqrt(variances[c] + 1e-5);
      folded[u * 108 + i] = weight[u * 108 + i] * scale;
      folded[4 * 108 + u] -= weight[u * 108 + i] * scale * means[c];
    }
  }
  const plainLoss = createPlan(plain, kernels, { capacity: 16, scaling }).evaluate(
    folded,
    batchOf(7),
  ).lossSum;
  expect(Math.abs(loss / plainLoss - 1)).toBeLessThan(1e-5);
});
