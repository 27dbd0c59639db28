import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  type DropoutKey,
  initialParameters,
  type LayerSpec,
  type Model,
  scaleGradient,
  updateStatistics,
} from '../../../src/engine/index.js';
import { designLayer } from '../../../src/engine/layers/design.js';
import { noParameters } from '../../../src/engine/layers/layer.js';
import { naiveBatchNorm, naiveCrossEntropy, naiveLayer } from '../naive.js';
import { bytes, classesOf, relativeError, sameBits, uniform } from '../numbers.js';
import { stacks } from './stacks.js';

/**
 * Whole stacks: the plan's gradient against central differences (h = 1e-5) of the same stack computed naively in doubles.
 * The bound is over the largest slope looked at; the plan stores singles between layers.
 */
const tolerance = 1e-5;
const h = 1e-5;
const mean = 0.4;
const std = 0.3;

const count = 19;

/** Every stack on bytes of three channels; those that begin with a convolution, which then reads one, also on grey bytes. */
const cases = Object.entries(stacks).flatMap(([name, layers]) => {
  const channels = layers[0].type === 'conv2d' ? ([3, 1] as const) : ([3] as const);
  return channels.map((each): [string, LayerSpec[], 1 | 3] => [
    each === 1 ? `${name}, on grey` : name,
    layers,
    each,
  ]);
});

function naiveLossSum(
  model: Model,
  parameters: Float64Array,
  pixels: Uint8Array,
  pixelChannels: 1 | 3,
  labels: Uint8Array,
): number {
  const { channels, height, width } = model.input;
  const sampleBytes = pixelChannels * height * width;
  let sum = 0;
  for (let first = 0; first < count; first += 16) {
    const samples = Array.from({ length: Math.min(16, count - first) }, (_, i) => first + i);
    let shape = model.input;
    let images = samples.map((sample): Float64Array => {
      const own = pixels.subarray(sample * sampleBytes, (sample + 1) * sampleBytes);
      return Float64Array.from({ length: channels * height * width }, (_, i) =>
        Math.fround((own[i % sampleBytes] / 255 - mean) / std),
      );
    });
    const outputs: Float64Array[][] = [];
    for (const { spec, from, output, parameters: learnt } of model.layers.slice(0, -1)) {
      const [w = [], b = []] = learnt.map(({ offset, length }) =>
        parameters.subarray(offset, offset + length),
      );
      if (spec.type === 'batchnorm2d') {
        images = naiveBatchNorm(images, shape.channels, { w, b }, spec.epsilon).outputs;
      } else {
        const input = shape;
        images = images.map((x, i) => {
          const other = from === null ? {} : { other: outputs[from][i] };
          return naiveLayer(spec, x, input, { w, b, ...other }).y;
        });
      }
      shape = output;
      outputs.push(images);
    }
    for (const [i, x] of images.entries()) sum += naiveCrossEntropy(x, labels[samples[i]]);
  }
  return sum;
}

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  test.each(cases)('%s: the gradient is the slope of the loss', (name, layers, channels) => {
    const model = buildModel({ name: 'stack', input: [3, 7, 7], layers });
    const pixels = bytes(name.length * 1000, count * channels * 49);
    const labels = classesOf(42, count, 5);
    const parameters = uniform(name.length * 7, model.parameterCount, 0.6);
    const gradient = new Float32Array(model.parameterCount);
    const plan = createPlan(model, kernels, { capacity: 32, scaling: { channels, mean, std } });
    const tally = plan.gradient(
      parameters,
      { pixels, labels, count },
      { seed: 1, step: 0, microshard: 0 },
      gradient,
    );

    const doubles = Float64Array.from(parameters);
    const lossNow = (): number => naiveLossSum(model, doubles, pixels, channels, labels);
    const loss = lossNow();
    expect(Math.abs(tally.lossSum / loss - 1)).toBeLessThan(tolerance);

    const tensors = model.parameters.filter(({ offset }) => offset < model.learntCount);
    const compared = tensors.map(({ name: tensor, offset, length }) => {
      const step = Math.ceil(length / 30);
      const at = Array.from({ length: Math.ceil(length / step) }, (_, i) => offset + i * step);
      const slopes = at.map((i) => {
        const kept = doubles[i];
        doubles[i] = kept + h;
        const above = lossNow();
        doubles[i] = kept - h;
        const below = lossNow();
        doubles[i] = kept;
        return (above - below) / (2 * h);
      });
      return { tensor, found: at.map((i) => gradient[i]), slopes };
    });
    const steepest = Math.max(...compared.flatMap(({ slopes }) => slopes.map(Math.abs)));
    for (const { tensor, found, slopes } of compared) {
      if (slopes.every((slope) => Math.abs(slope) < 1e-7 * steepest)) {
        // A bias that a normalisation takes out again: what is left is rounding.
        expect(tensor).toMatch(/bias$/);
        for (const slope of found) expect(Math.abs(slope)).toBeLessThan(tolerance * steepest);
      } else {
        expect(relativeError(found, slopes)).toBeLessThan(tolerance);
      }
    }
  });

  test.each(Object.entries(stacks))('%s trains', (_, layers) => {
    const model = buildModel({ name: 'stack', input: [3, 7, 7], layers });
    const batch = { pixels: bytes(0, 16 * 147), labels: classesOf(42, 16, 5), count: 16 };
    const parameters = initialParameters(model, 4);
    const gradient = new Float32Array(model.parameterCount);
    const plan = createPlan(model, kernels, { capacity: 16, scaling: { channels: 3, mean, std } });
    const key = { seed: 1, step: 0, microshard: 0 };
    const before = plan.gradient(parameters, batch, key, gradient).lossSum;
    for (let step = 0; step < 60; step++) {
      plan.gradient(parameters, batch, { ...key, step }, gradient);
      scaleGradient(gradient, 1 / 16);
      for (let i = 0; i < model.learntCount; i++) parameters[i] -= 0.02 * gradient[i];
      updateStatistics(model.statistics, parameters, gradient, 16);
    }
    expect(plan.evaluate(parameters, batch).lossSum).toBeLessThan(before * 0.97);
  });

  describe('dropout', () => {
    const rate = 0.3;
    const spec: LayerSpec = { type: 'dropout', rate };
    const shape = { channels: 40, height: 5, width: 5 };
    const length = 1000 * 16;
    const run = (pass: DropoutKey & { group: number; training?: boolean }, layerIndex = 2) => {
      const layer = designLayer(spec, shape).bind(kernels, layerIndex);
      const none = new Float32Array(0);
      const x = uniform(0, length);
      const y = new Float32Array(length).fill(Number.NaN);
      const dy = uniform(50_000, length);
      const dx = new Float32Array(length).fill(Number.NaN);
      const workspace = { forward: none, backward: none };
      const buffers = { x, y, other: none, dy, dx, workspace, ...noParameters };
      layer.forward(buffers, { training: true, lanes: 16, ...pass });
      layer.backward(buffers, { training: true, lanes: 16, ...pass });
      return buffers;
    };
    const key = { seed: 1, step: 2, microshard: 3, group: 0 };

    test('keeps 1 − rate of the values, scaled by 1/(1 − rate)', () => {
      const { x, y } = run(key);
      const kept = y.filter((v) => v !== 0).length;
      // Six standard deviations of a binomial.
      expect(Math.abs(kept - length * (1 - rate))).toBeLessThan(6 * Math.sqrt(length * rate * (1 - rate)));
      const scale = Math.fround(1 / (1 - rate));
      expect(y.every((v, i) => v === 0 || v === Math.fround(x[i] * scale))).toBe(true);
    });

    test('gives the gradient the same mask', () => {
      const { y, dx, dy } = run(key);
      const scale = Math.fround(1 / (1 - rate));
      expect(dx.every((v, i) => v === (y[i] === 0 ? 0 : Math.fround(dy[i] * scale)) || v === 0)).toBe(true);
      expect(dx.every((v, i) => (v === 0) === (y[i] === 0))).toBe(true);
    });

    test('draws by seed, step, microshard, group and layer, and copies when not training', () => {
      const { x, y } = run(key);
      expect(sameBits(run(key).y, y)).toBe(true);
      for (const change of [{ seed: 2 }, { step: 3 }, { microshard: 2 }, { group: 1 }]) {
        expect(sameBits(run({ ...key, ...change }).y, y)).toBe(false);
      }
      expect(sameBits(run(key, 4).y, y)).toBe(false);
      const evaluating = designLayer(spec, shape).bind(kernels, 2);
      const out = new Float32Array(length);
      const none = new Float32Array(0);
      const workspace = { forward: none, backward: none };
      const buffers = { x, y: out, other: none, dy: none, dx: null, workspace, ...noParameters };
      evaluating.forward(buffers, { ...key, training: false, lanes: 16 });
      expect(sameBits(out, x)).toBe(true);
    });
  });
});
