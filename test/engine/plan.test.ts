import { describe, expect, test } from 'vitest';
import {
  type Batch,
  BatchError,
  buildModel,
  createPlan,
  initialParameters,
  type LayerSpec,
  type Model,
  namedSpecs,
  resolveKernels,
  type Tally,
} from '../../src/engine/index.js';
import { bytes, classesOf, relativeError, sameBits, uniform } from './numbers.js';

const { kernels } = resolveKernels();
const scaling = { channels: 1, mean: 0.2, std: 0.4 } as const;
const key = { seed: 5, step: 3, microshard: 1 };

function model(...layers: LayerSpec[]): Model {
  return buildModel({ name: 'tried', input: [1, 8, 8], layers: [...layers, { type: 'softmax' }] });
}
const small = model(
  { type: 'conv2d', filters: 3, kernel: 3 },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'flatten' },
  { type: 'linear', units: 5 },
);
const dropping = model(
  { type: 'dropout', rate: 0.2 },
  { type: 'flatten' },
  { type: 'linear', units: 12 },
  { type: 'tanh' },
  { type: 'dropout', rate: 0.5 },
  { type: 'linear', units: 5 },
);

function batchOf(count: number, { input, classes }: Model, first = 0): Batch {
  const sampleBytes = input.height * input.width;
  return {
    pixels: bytes(first * sampleBytes, count * sampleBytes),
    labels: classesOf(900_000 + first, count, classes),
    count,
  };
}

function gradientOf(
  of: Model,
  capacity: number,
  batch: Batch,
  dropoutKey = key,
): { gradient: Float32Array; tally: Tally } {
  const gradient = new Float32Array(of.parameterCount).fill(Number.NaN);
  const plan = createPlan(of, kernels, { capacity, scaling });
  return { tally: plan.gradient(initialParameters(of, 1), batch, dropoutKey, gradient), gradient };
}

describe('the bits of a gradient', () => {
  test.each([
    ['plain', small],
    ['with dropout', dropping],
  ])('do not depend on the capacity (%s)', (_, of) => {
    for (const count of [16, 5]) {
      const batch = batchOf(count, of);
      const { gradient, tally } = gradientOf(of, 16, batch);
      for (const capacity of [32, 64]) {
        const other = gradientOf(of, capacity, batch);
        expect(sameBits(other.gradient, gradient)).toBe(true);
        expect(other.tally).toEqual(tally);
      }
    }
    const batch = batchOf(50, of);
    expect(sameBits(gradientOf(of, 64, batch).gradient, gradientOf(of, 128, batch).gradient)).toBe(true);
  });

  test('do not depend on what was computed before', () => {
    const plan = createPlan(dropping, kernels, { capacity: 64, scaling });
    const parameters = initialParameters(dropping, 1);
    const gradient = new Float32Array(dropping.parameterCount);
    const batch = batchOf(20, dropping);
    plan.gradient(parameters, batchOf(64, dropping, 300), { seed: 9, step: 9, microshard: 9 }, gradient);
    plan.evaluate(uniform(0, dropping.parameterCount), batchOf(3, dropping, 77));
    plan.gradient(parameters, batch, key, gradient);
    expect(sameBits(gradient, gradientOf(dropping, 64, batch).gradient)).toBe(true);
  });

  test('do not depend on bytes past the batch', () => {
    const long = batchOf(40, small);
    const { gradient, tally } = gradientOf(small, 64, { ...long, count: 21 });
    const exact = gradientOf(small, 64, batchOf(21, small));
    expect(sameBits(gradient, exact.gradient)).toBe(true);
    expect(tally).toEqual(exact.tally);
  });
});

test('a partial group is the sum of its samples alone', () => {
  const whole = gradientOf(small, 16, batchOf(7, small));
  const sum = new Float64Array(small.parameterCount);
  let lossSum = 0;
  let correct = 0;
  for (let i = 0; i < 7; i++) {
    const one = gradientOf(small, 16, batchOf(1, small, i));
    one.gradient.forEach((v, at) => {
      sum[at] += v;
    });
    lossSum += one.tally.lossSum;
    correct += one.tally.correct;
  }
  expect(relativeError(whole.gradient, sum)).toBeLessThan(1e-6);
  expect(whole.tally).toMatchObject({ samples: 7, lossSum, correct });
});

test('an empty batch has a zero gradient and an empty tally', () => {
  const { gradient, tally } = gradientOf(small, 16, batchOf(0, small));
  expect(gradient.every((v) => v === 0)).toBe(true);
  expect(tally).toEqual({ samples: 0, lossSum: 0, correct: 0, confusion: new Uint32Array(25) });
});

test('evaluate, predict and gradient agree', () => {
  const plan = createPlan(small, kernels, { capacity: 64, scaling });
  const parameters = initialParameters(small, 1);
  const batch = batchOf(43, small);
  const probabilities = new Float32Array(43 * 5);
  plan.predict(parameters, batch.pixels, 43, probabilities);
  const confusion = new Uint32Array(25);
  let loss = 0;
  for (let i = 0; i < 43; i++) {
    const row = probabilities.subarray(i * 5, i * 5 + 5);
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    confusion[batch.labels[i] * 5 + row.indexOf(Math.max(...row))]++;
    loss -= Math.log(row[batch.labels[i]]);
  }
  const tally = plan.evaluate(parameters, batch);
  expect(tally.confusion).toEqual(confusion);
  expect(tally.correct).toBe([0, 6, 12, 18, 24].reduce((sum, at) => sum + confusion[at], 0));
  expect(tally.lossSum).toBeCloseTo(loss, 4);
  expect(plan.gradient(parameters, batch, key, new Float32Array(small.parameterCount))).toEqual(tally);
});

describe('dropout', () => {
  test('masks follow from seed, step and microshard', () => {
    const batch = batchOf(20, dropping);
    const base = gradientOf(dropping, 32, batch);
    expect(sameBits(gradientOf(dropping, 32, batch).gradient, base.gradient)).toBe(true);
    for (const change of [{ seed: 6 }, { step: 4 }, { microshard: 0 }]) {
      const other = gradientOf(dropping, 32, batch, { ...key, ...change });
      expect(sameBits(other.gradient, base.gradient)).toBe(false);
    }
  });

  test('draws another mask for every group of a microshard', () => {
    const once = batchOf(16, dropping);
    const pixels = new Uint8Array([...once.pixels, ...once.pixels]);
    const labels = new Uint8Array([...once.labels, ...once.labels]);
    const { gradient } = gradientOf(dropping, 32, once);
    const twice = gradientOf(dropping, 32, { pixels, labels, count: 32 });
    expect(
      sameBits(
        twice.gradient,
        gradient.map((v) => v + v),
      ),
    ).toBe(false);
  });

  test('is off in evaluate and predict', () => {
    const bare = model(
      { type: 'flatten' },
      { type: 'linear', units: 12 },
      { type: 'tanh' },
      { type: 'linear', units: 5 },
    );
    const parameters = initialParameters(bare, 1);
    const batch = batchOf(20, bare);
    const [a, b] = [bare, dropping].map((of) => {
      const plan = createPlan(of, kernels, { capacity: 32, scaling });
      const probabilities = new Float32Array(100);
      const gradient = new Float32Array(of.parameterCount);
      plan.gradient(parameters, batch, key, gradient);
      plan.predict(parameters, batch.pixels, 20, probabilities);
      plan.gradient(parameters, batch, key, gradient);
      return { probabilities, tally: plan.evaluate(parameters, batch) };
    });
    expect(a).toEqual(b);
  });

  test('of rate 0 is nothing at all', () => {
    const flat: LayerSpec[] = [{ type: 'flatten' }, { type: 'linear', units: 5 }];
    const with0 = model(
      ...flat,
      { type: 'tanh' },
      { type: 'dropout', rate: 0 },
      { type: 'linear', units: 4 },
    );
    const without = model(...flat, { type: 'tanh' }, { type: 'linear', units: 4 });
    const batch = batchOf(20, without);
    const gradient = new Float32Array(without.parameterCount);
    const parameters = uniform(0, without.parameterCount);
    const [a, b] = [with0, without].map((of) => {
      createPlan(of, kernels, { capacity: 32, scaling }).gradient(parameters, batch, key, gradient);
      return gradient.slice();
    });
    expect(sameBits(a, b)).toBe(true);
  });
});

test('one channel of bytes fills a three-channel input', () => {
  const layers: LayerSpec[] = [{ type: 'flatten' }, { type: 'linear', units: 10 }, { type: 'softmax' }];
  const colour = buildModel({ name: 'colour', input: [3, 32, 32], layers });
  const parameters = initialParameters(colour, 3);
  const grey = bytes(0, 1024);
  const rgb = new Uint8Array(3072);
  for (let c = 0; c < 3; c++) rgb.set(grey, c * 1024);
  const [a, b] = ([1, 3] as const).map((channels) => {
    const plan = createPlan(colour, kernels, { capacity: 16, scaling: { ...scaling, channels } });
    const probabilities = new Float32Array(10);
    plan.predict(parameters, channels === 1 ? grey : rgb, 1, probabilities);
    return probabilities;
  });
  expect(a).toEqual(b);
});

describe('what does not fit is refused', () => {
  const plan = createPlan(small, kernels, { capacity: 16, scaling });
  const parameters = initialParameters(small, 1);
  const gradient = new Float32Array(small.parameterCount);
  const good = batchOf(16, small);
  const call = (batch: Batch) => () => plan.gradient(parameters, batch, key, gradient);

  test.each<[string, () => unknown, string]>([
    ['too many', call({ ...good, count: 17 }), 'Expected a batch of 0 to 16 samples, found 17.'],
    ['a fraction', call({ ...good, count: 1.5 }), 'found 1.5'],
    [
      'few bytes',
      call({ ...good, pixels: bytes(0, 1000) }),
      'Expected 1024 pixel bytes for 16 samples of 1×8×8',
    ],
    ['few labels', call({ ...good, labels: good.labels.subarray(1) }), 'Expected 16 labels, found 15.'],
    [
      'a label that is no class',
      call({ ...good, labels: good.labels.map((label, i) => (i === 3 ? 5 : label)) }),
      'Sample 3 of the batch: expected a label of 0 to 4, found 5.',
    ],
    [
      'parameters',
      () => plan.evaluate(parameters.subarray(1), good),
      `Expected ${small.parameterCount} parameters`,
    ],
    [
      'gradient',
      () => plan.gradient(parameters, good, key, new Float32Array(3)),
      `Expected ${small.parameterCount} gradient values, found 3.`,
    ],
    [
      'little room for probabilities',
      () => plan.predict(parameters, good.pixels, 16, new Float32Array(79)),
      'Expected room for 80 probabilities, found 79.',
    ],
    [
      'colour for a grey model',
      () => createPlan(small, kernels, { capacity: 16, scaling: { ...scaling, channels: 3 } }),
      'Expected images of 1 channel for this model, found 3.',
    ],
  ])('%s', (_, attempt, message) => {
    expect(attempt).toThrow(BatchError);
    expect(attempt).toThrow(message);
  });

  test('capacity and scaling', () => {
    for (const capacity of [0, -16, 8, 17, Number.NaN]) {
      expect(() => createPlan(small, kernels, { capacity, scaling })).toThrow(RangeError);
    }
    expect(() => createPlan(small, kernels, { capacity: 16, scaling: { ...scaling, std: 0 } })).toThrow(
      RangeError,
    );
  });
});

test('a training step allocates no buffers', () => {
  const of = buildModel({ ...Object(namedSpecs.get('lenet-grey')) });
  const plan = createPlan(of, kernels, { capacity: 16, scaling });
  const parameters = initialParameters(of, 1);
  const gradient = new Float32Array(of.parameterCount);
  const batch = batchOf(16, of);
  plan.gradient(parameters, batch, key, gradient);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 50; i++) plan.gradient(parameters, batch, key, gradient);
  // Fifty tallies of 400 bytes; the smallest activation buffer of lenet would be 640 bytes, the whole plan 1 MB a step.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 640);
});
