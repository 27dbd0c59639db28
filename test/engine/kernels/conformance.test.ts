import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  type Kernels,
  type LayerSpec,
  referenceKernels,
  type Shape,
} from '../../../src/engine/index.js';
import { designLayer } from '../../../src/engine/layers/design.js';
import { type LayerBuffers, noParameters, volume } from '../../../src/engine/layers/layer.js';
import { laneOf, naiveCrossEntropy, naiveLayer } from '../naive.js';
import { bytes, classesOf, relativeError, sameBits, uniform } from '../numbers.js';

/**
 * What every backend must pass. Forward is compared with the naive layers in doubles; backward with central differences of
 * those (h = 1e-5, so their own error is about 1e-10 of the largest value). Both bounds are over the largest expected value
 * and leave room for a backend that sums in single precision.
 */
const forwardTolerance = 2e-6;
const backwardTolerance = 5e-6;
const h = 1e-5;

const shape = (channels: number, height: number, width: number): Shape => ({ channels, height, width });
const conv = (filters: number, kernel: number, stride = 1, padding = 0): LayerSpec => ({
  type: 'conv2d',
  filters,
  kernel,
  stride,
  padding,
});

const cases: [LayerSpec, Shape][] = [
  [conv(6, 5), shape(3, 9, 8)],
  [conv(1, 3), shape(1, 5, 5)],
  [conv(4, 1), shape(5, 3, 4)],
  [conv(2, 3, 2), shape(2, 8, 7)],
  [conv(5, 3, 1, 1), shape(4, 6, 5)],
  [conv(3, 5, 2, 2), shape(6, 7, 9)],
  [conv(7, 2, 3), shape(1, 9, 8)],
  [conv(8, 4, 3, 3), shape(7, 5, 4)],
  [conv(3, 3, 1, 2), shape(2, 1, 2)],
  [conv(2, 5), shape(3, 5, 5)],
  [{ type: 'depthwise_conv2d', kernel: 3, padding: 1 }, shape(5, 6, 7)],
  [{ type: 'depthwise_conv2d', kernel: 5 }, shape(2, 9, 5)],
  [{ type: 'depthwise_conv2d', kernel: 3, stride: 2, padding: 2 }, shape(3, 7, 8)],
  [{ type: 'depthwise_conv2d', kernel: 2, stride: 3 }, shape(1, 9, 8)],
  [{ type: 'depthwise_conv2d', kernel: 3, padding: 2 }, shape(3, 1, 2)],
  [{ type: 'maxpool2d', size: 2 }, shape(3, 6, 8)],
  [{ type: 'maxpool2d', size: 2 }, shape(2, 5, 7)],
  [{ type: 'maxpool2d', size: 3, stride: 2 }, shape(2, 8, 7)],
  [{ type: 'maxpool2d', size: 2, stride: 3 }, shape(2, 8, 7)],
  [{ type: 'avgpool2d', size: 2 }, shape(3, 6, 8)],
  [{ type: 'avgpool2d', size: 2 }, shape(2, 5, 7)],
  [{ type: 'avgpool2d', size: 3, stride: 2 }, shape(2, 8, 7)],
  [{ type: 'avgpool2d', size: 2, stride: 3 }, shape(2, 8, 7)],
  [{ type: 'global_avgpool2d' }, shape(3, 7, 5)],
  [{ type: 'global_avgpool2d' }, shape(4, 1, 1)],
  [{ type: 'linear', units: 10 }, shape(84, 1, 1)],
  [{ type: 'linear', units: 1 }, shape(1, 1, 1)],
  [{ type: 'linear', units: 7 }, shape(13, 1, 1)],
  [{ type: 'relu' }, shape(3, 4, 5)],
  [{ type: 'leaky_relu' }, shape(3, 4, 5)],
  [{ type: 'leaky_relu', slope: 0.3 }, shape(3, 4, 5)],
  [{ type: 'tanh' }, shape(3, 4, 5)],
  [{ type: 'sigmoid' }, shape(3, 4, 5)],
];

/**
 * Convolutions that a backend may compute by points (Winograd): of whole tiles and broken ones, one tile and several strips of
 * them, no padding and the most, with filters and channels that fill vectors and that do not.
 */
const wide: [LayerSpec, Shape][] = [
  [conv(17, 3, 1, 1), shape(16, 8, 8)],
  [conv(16, 3, 1, 0), shape(18, 7, 12)],
  [conv(20, 3, 1, 2), shape(9, 5, 6)],
  [conv(33, 3, 1, 1), shape(34, 4, 3)],
  [conv(32, 3, 1, 1), shape(4, 6, 38)],
  [conv(16, 5, 1, 0), shape(16, 9, 10)],
  [conv(18, 5, 1, 2), shape(16, 7, 5)],
  [conv(16, 5, 1, 4), shape(17, 4, 4)],
  [conv(24, 5, 1, 3), shape(24, 2, 3)],
  [conv(20, 5, 1, 2), shape(7, 21, 6)],
];

const pass = { training: true, seed: 1, step: 0, microshard: 0, group: 0, lanes: 16 };
const none = new Float32Array(0);
const noise = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

/** Buffer places of the lanes from the sixth on. */
const empty = (i: number): boolean => i % 16 >= 5;

interface Bench {
  buffers: LayerBuffers & { dx: Float32Array };
  forward: () => void;
  backward: () => void;
}

/** A layer with random input, parameters and dy, and outputs full of NaN, so that what is not written shows. */
function layerBench(kernels: Kernels, spec: LayerSpec, input: Shape): Bench {
  const design = designLayer(spec, input);
  const run = design.bind(kernels, 0);
  const workspace = design.workspace?.(kernels) ?? 0;
  const sizes = design.parameters.map((p) => p.shape.reduce((a, b) => a * b, 1));
  const [wLength = 0, bLength = 0] = sizes;
  const buffers = {
    x: uniform(0, volume(input) * 16, 2),
    y: noise(volume(design.output) * 16),
    other: none,
    dy: uniform(100_000, volume(design.output) * 16),
    dx: noise(volume(input) * 16),
    ...noParameters,
    w: uniform(200_000, wLength),
    b: uniform(300_000, bLength),
    dw: new Float32Array(wLength),
    db: new Float32Array(bLength),
    workspace: { forward: noise(workspace), backward: noise(workspace) },
  };
  return {
    buffers,
    forward: () => run.forward(buffers, pass),
    backward: () => run.backward(buffers, pass),
  };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** d objective / d values, by central differences. */
function slopes(values: Float64Array, objective: () => number): Float64Array {
  return values.map((kept, i) => {
    values[i] = kept + h;
    const above = objective();
    values[i] = kept - h;
    const below = objective();
    values[i] = kept;
    return (above - below) / (2 * h);
  });
}

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  describe.each([...cases, ...wide])('%j', (spec, input) => {
    test('forward is what the naive layer gives', () => {
      const { buffers, forward } = layerBench(kernels, spec, input);
      forward();
      for (let lane = 0; lane < 16; lane++) {
        const { y } = naiveLayer(spec, laneOf(buffers.x, lane), input, { w: buffers.w, b: buffers.b });
        expect(relativeError(laneOf(buffers.y, lane), y)).toBeLessThan(forwardTolerance);
      }
    });

    test('lanes without a sample add exactly nothing', () => {
      const { buffers, forward, backward } = layerBench(kernels, spec, input);
      buffers.x.forEach((_, i) => {
        if (empty(i)) buffers.x[i] = 0;
      });
      buffers.dy.forEach((_, i) => {
        if (empty(i)) buffers.dy[i] = 0;
      });
      forward();
      backward();
      const { dw, db } = { dw: buffers.dw.slice(), db: buffers.db.slice() };
      expect(buffers.dx.every((v, i) => !empty(i) || v === 0)).toBe(true);
      // Other values in the empty lanes of x, as biases leave them there, meet a zero gradient.
      buffers.x.forEach((_, i) => {
        if (empty(i)) buffers.x[i] = 3;
      });
      buffers.dw.fill(0);
      buffers.db.fill(0);
      forward();
      backward();
      expect(sameBits(buffers.dw, dw)).toBe(true);
      expect(sameBits(buffers.db, db)).toBe(true);
    });

    test('the same bits every time; outputs are overwritten, parameter gradients added to', () => {
      const first = layerBench(kernels, spec, input);
      const again = layerBench(kernels, spec, input);
      for (const { forward, backward } of [first, again, again]) {
        forward();
        backward();
      }
      expect(sameBits(first.buffers.y, again.buffers.y)).toBe(true);
      expect(sameBits(first.buffers.dx, again.buffers.dx)).toBe(true);
      expect(
        sameBits(
          first.buffers.dw.map((v) => v + v),
          again.buffers.dw,
        ),
      ).toBe(true);
      expect(
        sameBits(
          first.buffers.db.map((v) => v + v),
          again.buffers.db,
        ),
      ).toBe(true);
    });
  });

  test.each(cases)('%j: backward is the slope of forward', (spec, input) => {
    const { buffers, forward, backward } = layerBench(kernels, spec, input);
    forward();
    backward();
    const w = Float64Array.from(buffers.w);
    const b = Float64Array.from(buffers.b);
    const dw = new Float64Array(w.length);
    const db = new Float64Array(b.length);
    for (let lane = 0; lane < 16; lane++) {
      const x = laneOf(buffers.x, lane);
      const dy = laneOf(buffers.dy, lane);
      const objective = (): number => dot(naiveLayer(spec, x, input, { w, b }).y, dy);
      expect(relativeError(laneOf(buffers.dx, lane), slopes(x, objective))).toBeLessThan(backwardTolerance);
      slopes(w, objective).forEach((slope, i) => {
        dw[i] += slope;
      });
      slopes(b, objective).forEach((slope, i) => {
        db[i] += slope;
      });
    }
    expect(relativeError(buffers.dw, dw)).toBeLessThan(backwardTolerance);
    expect(relativeError(buffers.db, db)).toBeLessThan(backwardTolerance);
  });

  // Which the test above holds against slopes; of so many parameters they would take minutes.
  test.each(wide)('%j: backward is that of the reference', (spec, input) => {
    const { buffers, forward, backward } = layerBench(kernels, spec, input);
    const expected = layerBench(referenceKernels, spec, input);
    for (const run of [forward, backward, expected.forward, expected.backward]) run();
    for (const name of ['dx', 'dw', 'db'] as const) {
      expect(relativeError(buffers[name], expected.buffers[name]), name).toBeLessThan(backwardTolerance);
    }
  });

  test.each(['relu', 'leaky_relu', 'tanh', 'sigmoid'] as const)('%s works in place', (type) => {
    const { buffers, forward, backward } = layerBench(kernels, { type }, shape(3, 4, 5));
    forward();
    backward();
    const activation = type === 'leaky_relu' ? { type, slope: 0.01 } : { type };
    const x = buffers.x.slice();
    kernels.activationForward(x, x, activation);
    expect(sameBits(x, buffers.y)).toBe(true);
    const dy = buffers.dy.slice();
    kernels.activationBackward(dy, dy, x, activation);
    expect(sameBits(dy, buffers.dx)).toBe(true);
  });

  test('ReLU and pooling let a NaN through, so a broken run shows', () => {
    const x = new Float32Array(64).fill(Number.NaN);
    const y = new Float32Array(64);
    kernels.activationForward(y, x, { type: 'relu' });
    expect(y.every(Number.isNaN)).toBe(true);
    const dims = { channels: 1, height: 2, width: 2, size: 2, stride: 2, outHeight: 1, outWidth: 1 };
    const pooled = new Float32Array(16);
    kernels.maxPool2dForward(pooled, new Uint8Array(16), x, dims);
    expect(pooled.every(Number.isNaN)).toBe(true);
  });

  test('of equal values in a window the first gets the gradient', () => {
    const dims = { channels: 1, height: 2, width: 2, size: 2, stride: 2, outHeight: 1, outWidth: 1 };
    const argmax = new Uint8Array(16).fill(9);
    const dx = noise(64);
    kernels.maxPool2dForward(new Float32Array(16), argmax, new Float32Array(64), dims);
    kernels.maxPool2dBackward(dx, new Float32Array(16).fill(2), argmax, dims);
    expect([...dx]).toEqual([...Array<number>(16).fill(2), ...Array<number>(48).fill(0)]);
  });

  test('softmax and cross-entropy, forward and backward', () => {
    const classes = 10;
    const x = uniform(0, classes * 16, 6);
    const labels = classesOf(1000, 16, classes);
    const y = noise(classes * 16);
    const dx = noise(classes * 16);
    const losses = new Float64Array(16).fill(Number.NaN);
    kernels.softmaxForward(y, x, classes);
    kernels.crossEntropyForward(losses, x, labels, 16, classes);
    kernels.crossEntropyBackward(dx, y, labels, 16, classes);
    for (let lane = 0; lane < 16; lane++) {
      const logits = laneOf(x, lane);
      const { y: expected } = naiveLayer({ type: 'softmax' }, logits, shape(classes, 1, 1), { w: [], b: [] });
      expect(relativeError(laneOf(y, lane), expected)).toBeLessThan(forwardTolerance);
      expect(losses[lane]).toBeCloseTo(naiveCrossEntropy(logits, labels[lane]), 10);
      const slope = slopes(logits, () => naiveCrossEntropy(logits, labels[lane]));
      expect(relativeError(laneOf(dx, lane), slope)).toBeLessThan(backwardTolerance);
    }
  });

  test('softmax and cross-entropy stay finite for logits of ±1e4', () => {
    const x = Float32Array.from({ length: 32 }, (_, i) => (i < 16 ? 1e4 : -1e4));
    const y = noise(32);
    const losses = new Float64Array(16);
    kernels.softmaxForward(y, x, 2);
    kernels.crossEntropyForward(losses, x, new Uint8Array(16).fill(1), 16, 2);
    expect([...y]).toEqual(Array.from(x, (v) => (v > 0 ? 1 : 0)));
    expect(losses.every((loss) => loss === 2e4)).toBe(true);
  });

  test('the loss leaves lanes without a sample at zero', () => {
    const x = uniform(0, 160, 6);
    const y = new Float32Array(160);
    const dx = noise(160);
    const losses = new Float64Array(16).fill(Number.NaN);
    kernels.softmaxForward(y, x, 10);
    kernels.crossEntropyForward(losses, x, new Uint8Array(16), 3, 10);
    kernels.crossEntropyBackward(dx, y, new Uint8Array(16), 3, 10);
    expect(losses.every((loss, lane) => lane < 3 === loss > 0)).toBe(true);
    expect(dx.every((v, i) => i % 16 < 3 === (v !== 0))).toBe(true);
  });

  test('packPixels scales by table, spreads grey over the channels and clears the other lanes', () => {
    const table = Float32Array.from({ length: 256 }, (_, i) => i / 2 - 7);
    const pixels = bytes(0, 6 * 3 * 4);
    const x = noise(3 * 4 * 16);
    kernels.packPixels(x, pixels, 2, 4, table, { pixelChannels: 3, channels: 3, area: 4 });
    const at = (i: number, lane: number): number => table[pixels[(2 + lane) * 12 + i]];
    expect([...x]).toEqual(Array.from(x, (_, i) => (i % 16 < 4 ? at(Math.floor(i / 16), i % 16) : 0)));
    const grey = noise(3 * 4 * 16);
    kernels.packPixels(grey, pixels, 1, 16, table, { pixelChannels: 1, channels: 3, area: 4 });
    const greyAt = (i: number, lane: number): number => table[pixels[(1 + lane) * 4 + (i % 4)]];
    expect([...grey]).toEqual(Array.from(grey, (_, i) => greyAt(Math.floor(i / 16), i % 16)));
  });

  test('copies', () => {
    const x = uniform(0, 1000);
    const y = noise(1000);
    kernels.copy(y, x);
    expect(sameBits(y, x)).toBe(true);
  });

  test('multiply and add round once', () => {
    const a = uniform(0, 1000);
    const b = uniform(5000, 1000);
    const product = noise(1000);
    kernels.multiply(product, a, b);
    expect(
      sameBits(
        product,
        a.map((v, i) => Math.fround(v * b[i])),
      ),
    ).toBe(true);
    const sum = a.slice();
    kernels.add(sum, b);
    expect(
      sameBits(
        sum,
        a.map((v, i) => Math.fround(v + b[i])),
      ),
    ).toBe(true);
  });
});
