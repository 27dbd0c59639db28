import { describe, expect, test } from 'vitest';
import {
  buildModel,
  type InitScheme,
  initialParameters,
  type Model,
  type ModelSpec,
  namedSpecs,
} from '../../src/engine/index.js';

const grey = namedSpecs.get('lenet-grey')!;

const tensorValues = (model: Model, name: string, parameters: Float32Array): Float32Array => {
  const tensor = model.parameters.find((candidate) => candidate.name === name)!;
  return parameters.subarray(tensor.offset, tensor.offset + tensor.length);
};

describe.each<InitScheme>(['he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform'])('%s', (init) => {
  const model = buildModel({ ...grey, init });
  const parameters = initialParameters(model, 1);

  // conv2d 16@5×5 over 6 channels: fan in 6·25, fan out 16·25; linear 120 over 400.
  test.each([
    ['3.conv2d.weight', 150, 400],
    ['7.linear.weight', 400, 120],
  ])('variance of %s', (name, fanIn, fanOut) => {
    const values = tensorValues(model, name, parameters);
    const variance = init.startsWith('he') ? 2 / fanIn : 2 / (fanIn + fanOut);
    const found = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    // Five standard deviations of a sample variance; a normal's is the larger of the two.
    expect(Math.abs(found / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(variance / values.length));
    const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const bound = Math.sqrt(3 * variance);
    if (init.endsWith('uniform')) expect(largest).toBeLessThanOrEqual(bound);
    else expect(largest).toBeGreaterThan(bound);
  });

  test('biases are zero', () => {
    for (const { name } of model.parameters.filter(({ role }) => role === 'bias')) {
      expect(tensorValues(model, name, parameters).every((v) => v === 0)).toBe(true);
    }
  });
});

test('He normal unless the spec says otherwise', () => {
  const parameters = initialParameters(buildModel(grey), 5);
  expect(parameters).toEqual(initialParameters(buildModel({ ...grey, init: 'he_normal' }), 5));
  expect(parameters).not.toEqual(initialParameters(buildModel({ ...grey, init: 'he_uniform' }), 5));
});

test('the seed alone decides, and layers have streams of their own', () => {
  const model = buildModel(grey);
  expect(initialParameters(model, 5)).toEqual(initialParameters(model, 5));
  expect(initialParameters(model, 5)).not.toEqual(initialParameters(model, 6));
  const wider: ModelSpec = { ...grey, layers: grey.layers.with(9, { type: 'linear', units: 50 }) };
  const other = buildModel(wider);
  const name = '7.linear.weight';
  expect(tensorValues(other, name, initialParameters(other, 5))).toEqual(
    tensorValues(model, name, initialParameters(model, 5)),
  );
});

test('the first values drawn are these, on every machine', () => {
  expect([...initialParameters(buildModel(grey), 42).subarray(0, 4)]).toEqual([
    0.14755482971668243, -0.052427321672439575, 0.32111379504203796, -0.06229807063937187,
  ]);
});
