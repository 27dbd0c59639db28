import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  createRandom,
  type Kernels,
  type Random,
  referenceKernels,
  resolveKernels,
} from '../../../src/engine/index.js';
import { nativeNumericsId } from '../../../src/engine/kernels/native/native.js';
import { relativeError, sameBits } from '../numbers.js';

const natives = [...availableKernels.values()].filter(({ name }) => name.startsWith('native-'));
/** Whatever claims the native bits: the instruction sets, and WebAssembly where it fuses. */
const sameNumerics = [...availableKernels.values()].filter(
  ({ numericsId }) => numericsId === nativeNumericsId,
);

/** Every output of every operation, over shapes and values drawn from the seed. */
type Outputs = Record<string, Float32Array>;

const between = (random: Random, least: number, most: number): number =>
  least + random.below(most - least + 1);
const values = (random: Random, length: number): Float32Array =>
  Float32Array.from({ length }, () => random.float() * 2 - 1);
const noise = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

interface Drawn {
  kernel: number;
  stride: number;
  channels: number;
  filters: number;
  /** Rows and columns beyond the fewest that fit. */
  extra: number;
}

function conv2dOutputsOf(kernels: Kernels, random: Random, drawn: Drawn): Outputs {
  const { kernel, stride, channels, filters, extra } = drawn;
  const padding = random.below(kernel);
  const least = Math.max(1, kernel - 2 * padding);
  const [height, width] = [between(random, least, least + extra), between(random, least, least + extra)];
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const dims = { channels, height, width, filters, kernel, stride, padding, outHeight, outWidth };
  const x = values(random, channels * height * width * 16);
  const dy = values(random, filters * outHeight * outWidth * 16);
  const w = values(random, filters * channels * kernel * kernel);
  const b = values(random, filters);
  const y = noise(dy.length);
  const dx = noise(x.length);
  const dw = values(random, w.length);
  const db = values(random, filters);
  const workspace = noise(kernels.conv2dWorkspace(dims));
  kernels.conv2dForward(y, x, w, b, dims, workspace);
  kernels.conv2dBackwardInput(dx, dy, w, dims, workspace);
  kernels.conv2dBackwardParameters(dw, db, x, dy, dims, workspace);
  return { y, dx, dw, db };
}

function conv2dOutputs(kernels: Kernels, random: Random): Outputs {
  const [kernel, channels, filters] = [between(random, 1, 8), between(random, 1, 14), between(random, 1, 14)];
  const stride = between(random, 1, 4);
  return conv2dOutputsOf(kernels, random, { kernel, stride, channels, filters, extra: 11 });
}

/** Those that may be computed by points (Winograd). */
function wideConv2dOutputs(kernels: Kernels, random: Random): Outputs {
  const kernel = random.below(2) === 0 ? 3 : 5;
  const [channels, filters] = [between(random, 3, 40), between(random, 3, 40)];
  return conv2dOutputsOf(kernels, random, { kernel, stride: 1, channels, filters, extra: 14 });
}

function linearOutputs(kernels: Kernels, random: Random): Outputs {
  const [inputs, units] = [between(random, 1, 600), between(random, 1, 40)];
  const dims = { inputs, units };
  const x = values(random, inputs * 16);
  const dy = values(random, units * 16);
  const w = values(random, inputs * units);
  const b = values(random, units);
  const y = noise(dy.length);
  const dx = noise(x.length);
  const dw = values(random, w.length);
  const db = values(random, units);
  kernels.linearForward(y, x, w, b, dims);
  kernels.linearBackwardInput(dx, dy, w, dims);
  kernels.linearBackwardParameters(dw, db, x, dy, dims);
  return { y, dx, dw, db };
}

function pool2dOutputs(kernels: Kernels, random: Random): Outputs {
  const [size, stride, channels] = [between(random, 1, 4), between(random, 1, 5), between(random, 1, 5)];
  const [height, width] = [between(random, size, 12), between(random, size, 12)];
  const outHeight = Math.floor((height - size) / stride) + 1;
  const outWidth = Math.floor((width - size) / stride) + 1;
  const dims = { channels, height, width, size, stride, outHeight, outWidth };
  // Few different values, so that windows hold equal ones.
  const x = values(random, channels * height * width * 16).map((v) => Math.round(v * 3));
  const dy = values(random, channels * outHeight * outWidth * 16);
  const y = noise(dy.length);
  const dx = noise(x.length);
  const argmax = new Uint8Array(dy.length);
  kernels.maxPool2dForward(y, argmax, x, dims);
  kernels.maxPool2dBackward(dx, dy, argmax, dims);
  return { y, dx, argmax: Float32Array.from(argmax) };
}

function averagePool2dOutputs(kernels: Kernels, random: Random): Outputs {
  const [windowHeight, windowWidth] = [between(random, 1, 6), between(random, 1, 6)];
  const [stride, channels] = [between(random, 1, 5), between(random, 1, 5)];
  const [height, width] = [between(random, windowHeight, 12), between(random, windowWidth, 12)];
  const outHeight = Math.floor((height - windowHeight) / stride) + 1;
  const outWidth = Math.floor((width - windowWidth) / stride) + 1;
  const dims = { channels, height, width, windowHeight, windowWidth, stride, outHeight, outWidth };
  const x = values(random, channels * height * width * 16);
  const dy = values(random, channels * outHeight * outWidth * 16);
  const y = noise(dy.length);
  const dx = noise(x.length);
  kernels.averagePool2dForward(y, x, dims);
  kernels.averagePool2dBackward(dx, dy, dims);
  return { y, dx };
}

function depthwiseOutputs(kernels: Kernels, random: Random): Outputs {
  const kernel = between(random, 1, 6);
  const padding = random.below(kernel);
  const least = Math.max(1, kernel - 2 * padding);
  const [channels, stride] = [between(random, 1, 7), between(random, 1, 4)];
  const [height, width] = [between(random, least, least + 11), between(random, least, least + 11)];
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const dims = { channels, height, width, kernel, stride, padding, outHeight, outWidth };
  const x = values(random, channels * height * width * 16);
  const dy = values(random, channels * outHeight * outWidth * 16);
  const w = values(random, channels * kernel * kernel);
  const b = values(random, channels);
  const y = noise(dy.length);
  const dx = noise(x.length);
  const dw = values(random, w.length);
  const db = values(random, channels);
  kernels.depthwiseForward(y, x, w, b, dims);
  kernels.depthwiseBackwardInput(dx, dy, w, dims);
  kernels.depthwiseBackwardParameters(dw, db, x, dy, dims);
  return { y, dx, dw, db };
}

function batchNormOutputs(kernels: Kernels, random: Random): Outputs {
  const dims = { channels: between(random, 1, 6), area: between(random, 1, 40) };
  const lanes = between(random, 1, 16);
  const { channels } = dims;
  const length = channels * dims.area * 16;
  const x = values(random, length).map((v) => v + 3);
  const dy = values(random, length);
  const [w, b] = [values(random, channels), values(random, channels)];
  const statistics = noise(2 * channels);
  const sums = noise(2 * channels);
  const y = noise(length);
  const dx = noise(length);
  const [dw, db] = [values(random, channels), values(random, channels)];
  kernels.batchNormStatistics(statistics, x, lanes, dims);
  const used = statistics.map((v, i) => (i < channels ? v : 1 / Math.sqrt(v + 0.001)));
  kernels.batchNormForward(y, x, w, b, used, dims);
  kernels.batchNormBackwardParameters(dw, db, sums, x, dy, used, lanes, dims);
  kernels.batchNormBackwardInput(dx, x, dy, w, used, sums, lanes, dims);
  return { statistics, y, dw, db, sums, dx };
}

function elementwiseOutputs(kernels: Kernels, random: Random): Outputs {
  const length = between(random, 1, 9) * 16;
  const x = values(random, length).map((v) => v * 10 ** between(random, -3, 2));
  const dy = values(random, length);
  const outputs: Outputs = {};
  for (const type of ['relu', 'leaky_relu', 'tanh', 'sigmoid'] as const) {
    const activation = type === 'leaky_relu' ? { type, slope: random.float() } : { type };
    const y = noise(length);
    const dx = noise(length);
    kernels.activationForward(y, x, activation);
    kernels.activationBackward(dx, dy, y, activation);
    Object.assign(outputs, { [type]: y, [`${type} dx`]: dx });
  }
  const odd = between(random, 1, 50);
  const product = noise(odd);
  const sum = values(random, odd);
  kernels.multiply(product, values(random, odd), values(random, odd));
  kernels.add(sum, values(random, odd));
  return { ...outputs, product, sum };
}

function lossOutputs(kernels: Kernels, random: Random): Outputs {
  const [classes, lanes] = [between(random, 2, 40), between(random, 0, 16)];
  const x = values(random, classes * 16).map((v) => v * 10 ** between(random, 0, 3));
  const labels = Uint8Array.from({ length: 16 }, () => random.below(classes));
  const y = noise(x.length);
  const dx = noise(x.length);
  const losses = new Float64Array(16);
  kernels.softmaxForward(y, x, classes);
  kernels.crossEntropyForward(losses, x, labels, lanes, classes);
  kernels.crossEntropyBackward(dx, y, labels, lanes, classes);
  const targets = Float64Array.from({ length: classes ** 2 }, () => random.float());
  const soft = noise(x.length);
  const softLosses = new Float64Array(16);
  kernels.softCrossEntropyForward(softLosses, x, labels, targets, lanes, classes);
  kernels.softCrossEntropyBackward(soft, y, labels, targets, lanes, classes);
  losses.forEach((_, i) => {
    losses[i] += softLosses[i];
  });
  const area = between(random, 1, 40);
  const packed = noise(3 * area * 16);
  const pixels = Uint8Array.from({ length: 20 * 3 * area }, () => random.below(256));
  const dims = { pixelChannels: random.below(2) === 0 ? 1 : 3, channels: 3, area } as const;
  kernels.packPixels(packed, pixels, random.below(4), lanes, values(random, 256), dims);
  return { y, dx, soft, packed, losses: new Float32Array(losses.buffer), rounded: Float32Array.from(losses) };
}

const families = {
  conv2dOutputs,
  wideConv2dOutputs,
  linearOutputs,
  pool2dOutputs,
  averagePool2dOutputs,
  batchNormOutputs,
  depthwiseOutputs,
  elementwiseOutputs,
  lossOutputs,
};

describe.each(Object.entries(families))('%s over random shapes', (name, outputsOf) => {
  const seeds = Array.from({ length: name === 'conv2dOutputs' ? 60 : 25 }, (_, i) => 1000 + i);

  test.each(seeds)(
    'seed %i: near the reference, and the same bits from all with the native numerics id',
    (seed) => {
      const expected = outputsOf(referenceKernels, createRandom(seed));
      const [first, ...others] = sameNumerics.map((kernels) => outputsOf(kernels, createRandom(seed)));
      for (const [key, found] of Object.entries(first ?? {})) {
        // The bits of doubles: compared between instruction sets only, rounded ones with the reference.
        if (key !== 'losses') expect(relativeError(found, expected[key] ?? []), key).toBeLessThan(1e-5);
        for (const other of others) expect(sameBits(other[key] ?? noise(0), found), key).toBe(true);
      }
    },
  );
});

test.each([3, 5])(
  'kernels %i × %i: by points in each direction if they are many, directly if few',
  (kernel) => {
    for (const kernels of natives) {
      const sizes = {
        height: 13,
        width: 12,
        kernel,
        stride: 1,
        padding: kernel >> 1,
        outHeight: 13,
        outWidth: 12,
      };
      const few = { ...sizes, channels: 1, filters: 2 };
      expect(kernels.conv2dWorkspace(few)).toBe(0);
      const many = { ...sizes, channels: 16, filters: 24 };
      const [image, map] = [many.channels, many.filters].map(
        (count) => new Float32Array(count * 13 * 12 * 16),
      );
      const weights = new Float32Array(many.filters * many.channels * kernel ** 2);
      const biases = new Float32Array(many.filters);
      const directions = [
        (workspace: Float32Array) => kernels.conv2dForward(map, image, weights, biases, many, workspace),
        (workspace: Float32Array) => kernels.conv2dBackwardInput(image, map, weights, many, workspace),
        (workspace: Float32Array) =>
          kernels.conv2dBackwardParameters(weights, biases, image, map, many, workspace),
      ];
      for (const run of directions) {
        const workspace = noise(kernels.conv2dWorkspace(many));
        run(workspace);
        // What is computed directly leaves the workspace alone.
        expect(workspace.some((value) => !Number.isNaN(value))).toBe(true);
      }
    }
  },
);

test('instruction sets share a numerics id, which the reference does not', () => {
  expect(new Set(natives.map(({ numericsId }) => numericsId)).size).toBeLessThan(2);
  for (const { numericsId } of natives) expect(numericsId).not.toBe(referenceKernels.numericsId);
});

test('native kernels run here, or it is said why not', () => {
  const { kernels, reason } = resolveKernels();
  if (natives[0] !== undefined) expect(kernels).toBe(natives[0]);
  else expect(reason).toMatch(/native kernels|processor/);
});

test('allocate gives zeros', () => {
  for (const kernels of natives) {
    const array = kernels.allocate(33);
    expect([...array]).toEqual(Array<number>(33).fill(0));
  }
});
