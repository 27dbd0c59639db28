import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  initialParameters,
  type Kernels,
  type Model,
  type ModelSpec,
  namedSpecs,
  type Plan,
  referenceKernels,
  SpecError,
} from '../../../src/engine/index.js';
import { bytes, classesOf, relativeError, sameBits } from '../numbers.js';
import { randomModel } from '../random-spec.js';
import { watched } from '../watched.js';

/**
 * A first convolution on grey bytes convolves their one channel with the sum of its weights: the numbers are those of the same
 * images in colour, every channel given, but for rounding.
 */
const tolerance = 5e-6;
const scaling = { mean: 0.4, std: 0.3 };
const key = { seed: 5, step: 3, microshard: 1 };
/** Two whole groups and a part of one. */
const count = 37;

const lenet = buildModel({ ...Object(namedSpecs.get('lenet')) });

/** A random model of three channels that begins with a convolution, by seed. */
function beginningWithConvolution(seed: number): Model {
  const drawn = randomModel(seed, false);
  const [, height, width] = drawn.spec.input;
  const kernel = 1 + (seed % 5);
  const first = { type: 'conv2d', filters: 1 + (seed % 7), kernel, padding: seed % kernel } as const;
  const spec: ModelSpec = { ...drawn.spec, input: [3, height, width] };
  for (const stride of [1 + (seed % 2), 1]) {
    try {
      return buildModel({ ...spec, layers: [{ ...first, stride }, ...spec.layers] });
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
    }
  }
  // The drawn layers do not fit after it: then only the flat ones follow.
  const flat = spec.layers.findIndex(({ type }) => type === 'flatten' || type === 'global_avgpool2d');
  return buildModel({ ...spec, layers: [first, ...spec.layers.slice(flat)] });
}

const models = [lenet, ...Array.from({ length: 24 }, (_, i) => beginningWithConvolution(500 + i))];

/** The same images as one channel, and as three. */
function imagesOf({ input: { height, width } }: Model): Record<1 | 3, Uint8Array> {
  const area = height * width;
  const grey = bytes(area, count * area);
  const colour = new Uint8Array(3 * grey.length);
  for (let i = 0; i < 3 * count; i++)
    colour.set(grey.subarray(Math.floor(i / 3) * area, Math.floor(i / 3 + 1) * area), i * area);
  return { 1: grey, 3: colour };
}

const planOf = (model: Model, kernels: Kernels, channels: 1 | 3): Plan =>
  createPlan(model, kernels, { capacity: 48, scaling: { ...scaling, channels } });

function compute(model: Model, kernels: Kernels, channels: 1 | 3) {
  const plan = planOf(model, kernels, channels);
  const parameters = initialParameters(model, 2);
  const pixels = imagesOf(model)[channels];
  const batch = { pixels, labels: classesOf(9000, count, model.classes), count };
  const gradient = new Float32Array(model.parameterCount).fill(Number.NaN);
  const probabilities = new Float32Array(count * model.classes);
  const trained = plan.gradient(parameters, batch, key, gradient);
  plan.predict(parameters, pixels, count, probabilities);
  return { gradient, probabilities, trained, evaluated: plan.evaluate(parameters, batch) };
}

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  test.each(models.map((model): [string, Model] => [model.spec.name, model]))(
    '%s: grey bytes give what the same bytes in three channels give',
    (_, model) => {
      const [grey, colour] = ([1, 3] as const).map((channels) => compute(model, kernels, channels));
      expect(relativeError(grey.probabilities, colour.probabilities)).toBeLessThan(tolerance);
      for (const tally of ['trained', 'evaluated'] as const) {
        expect(grey[tally].samples).toBe(count);
        expect(Math.abs(grey[tally].lossSum / colour[tally].lossSum - 1)).toBeLessThan(tolerance);
      }
      for (const { offset, length } of model.parameters) {
        const [found, expected] = [grey, colour].map(({ gradient }) =>
          gradient.subarray(offset, offset + length),
        );
        expect(relativeError(found, expected)).toBeLessThan(tolerance);
      }
    },
  );

  test('every channel gets the one gradient', () => {
    const { gradient } = compute(lenet, kernels, 1);
    const area = 25;
    for (let f = 0; f < 6; f++) {
      const [first, ...others] = [0, 1, 2].map((c) =>
        gradient.subarray((f * 3 + c) * area, (f * 3 + c + 1) * area),
      );
      expect(first.some((v) => v !== 0)).toBe(true);
      for (const other of others) expect(sameBits(other, first)).toBe(true);
    }
  });

  test('the weights are added up again when their array has other values', () => {
    const pixels = imagesOf(lenet)[1];
    const parameters = initialParameters(lenet, 2);
    const gradient = new Float32Array(lenet.parameterCount);
    const [used, fresh] = [planOf(lenet, kernels, 1), planOf(lenet, kernels, 1)];
    const batch = { pixels, labels: classesOf(9000, count, 10), count };
    used.gradient(parameters, batch, key, gradient);
    for (let i = 0; i < parameters.length; i++) parameters[i] -= 0.001 * gradient[i];
    const [found, expected] = [used, fresh].map((plan) => {
      const probabilities = new Float32Array(count * 10);
      const slope = new Float32Array(lenet.parameterCount);
      plan.predict(parameters, pixels, count, probabilities);
      plan.gradient(parameters, batch, key, slope);
      return { probabilities, slope };
    });
    expect(sameBits(found.probabilities, expected.probabilities)).toBe(true);
    expect(sameBits(found.slope, expected.slope)).toBe(true);
    expect(sameBits(found.slope, gradient)).toBe(false);
  });
});

/** Channels that packing writes and the first convolution reads, over all calls of a plan; and how many arrays of weights it got. */
function computed(model: Model, channels: 1 | 3) {
  const packed = new Set<unknown>();
  const convolved = new Set<unknown>();
  const weights = new Set<unknown>();
  const filters = model.layers.find(({ spec }) => spec.type === 'conv2d')?.output.channels;
  const kernels = watched(referenceKernels, (operation, args, when) => {
    const dims = Object(args.findLast((arg) => !ArrayBuffer.isView(arg)));
    if (when === 'after') return;
    if (operation === 'packPixels') packed.add(dims.channels);
    if (operation.startsWith('conv2d') && dims.filters === filters) convolved.add(dims.channels);
    if (operation === 'conv2dForward' && dims.filters === filters) weights.add(args[2]);
  });
  compute(model, kernels, channels);
  return { packed: [...packed], convolved: [...convolved], weights: weights.size };
}

describe('what is computed', () => {
  test('is one channel, with one sum of the weights, for grey bytes', () => {
    expect(computed(lenet, 1)).toEqual({ packed: [1], convolved: [1], weights: 1 });
  });

  test('is every channel for bytes in colour', () => {
    expect(computed(lenet, 3)).toMatchObject({ packed: [3], convolved: [3] });
  });

  test('is every channel where something comes before the convolution', () => {
    const { spec } = lenet;
    const model = buildModel({ ...spec, layers: [{ type: 'tanh' }, ...spec.layers] });
    expect(computed(model, 1)).toMatchObject({ packed: [3], convolved: [3] });
  });
});
