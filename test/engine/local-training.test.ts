import { describe, expect, test } from 'vitest';
import {
  averageStatistics,
  buildModel,
  createLocalTraining,
  initialParameters,
  parseLocalTraining,
} from '../../src/engine/index.js';
import { sameBits, uniform } from './numbers.js';

const model = buildModel({
  name: 'two-layers',
  input: [1, 4, 4],
  layers: [
    { type: 'batchnorm2d', momentum: 0.2 },
    { type: 'flatten' },
    { type: 'linear', units: 3 },
    { type: 'softmax' },
  ],
});
const [{ mean, variance }] = model.statistics;
const plain = parseLocalTraining({
  steps: 3,
  optimizer: 'sgd',
  schedule: 'constant',
  learningRate: 0.5,
  totalSteps: 12,
  clipNorm: null,
});

describe('local training', () => {
  test('takes a step of its optimizer along the mean gradient, at the rate of that step of the run', () => {
    const training = createLocalTraining(model, { ...plain, schedule: { type: 'cosine' } });
    for (const [step, rate] of [
      [0, 0.5],
      [6, 0.25],
    ] as const) {
      const before = initialParameters(model, 1);
      const after = before.slice();
      const sum = uniform(1, model.parameterCount);
      training.begin();
      training.step(after, sum.slice(), 8, step);
      for (let i = 0; i < model.learntCount; i++)
        expect(after[i]).toBeCloseTo(before[i] - (rate * sum[i]) / 8, 6);
    }
  });

  test('shortens a long gradient, and moves the running statistics as every training does', () => {
    const training = createLocalTraining(model, { ...plain, clipNorm: 0.01 });
    const parameters = new Float32Array(model.parameterCount);
    const sum = uniform(3, model.parameterCount);
    sum.fill(8 * 0.5, mean.offset, mean.offset + mean.length);
    sum.fill(8 * 4, variance.offset, variance.offset + variance.length);
    training.begin();
    training.step(parameters, sum, 8, 0);
    const moved = Math.hypot(...parameters.subarray(0, model.learntCount));
    expect(moved).toBeCloseTo(0.5 * 0.01, 5);
    expect(parameters[mean.offset]).toBeCloseTo(0.2 * 0.5, 6);
    expect(parameters[variance.offset]).toBeCloseTo((0.2 * (4 - 0.25) * 128) / 127, 6);
  });

  test('remembers nothing of the replica before', () => {
    const training = createLocalTraining(model, { ...plain, optimizer: { type: 'adam' } });
    const [first, again] = [0, 1].map(() => {
      const parameters = initialParameters(model, 2);
      training.begin();
      for (let step = 0; step < 3; step++)
        training.step(parameters, uniform(step * 100, model.parameterCount), 4, step);
      return parameters;
    });
    expect(sameBits(first, again)).toBe(true);
  });

  test.each([
    [{ steps: 0 }, /"steps"/],
    [{ learningRate: 0 }, /"learningRate"/],
    [{ optimizer: 'magic' }, /optimizer/],
    [{ extra: 1 }, /extra/],
  ])('refuses %o', (changes, message) => {
    expect(() => parseLocalTraining({ ...plain, ...changes })).toThrow(message);
  });
});

test('averaged running statistics move all the way, and no variance below 0', () => {
  const parameters = new Float32Array(model.parameterCount).fill(1);
  const difference = new Float32Array(model.parameterCount).fill(0.25);
  difference[variance.offset] = 1.000_001;
  averageStatistics(model.statistics, parameters, difference);
  expect(parameters[mean.offset]).toBe(0.75);
  expect(parameters[variance.offset]).toBe(0);
  expect(parameters.subarray(0, model.learntCount).every((value) => value === 1)).toBe(true);
});
