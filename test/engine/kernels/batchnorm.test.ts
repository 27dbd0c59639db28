import { describe, expect, test } from 'vitest';
import { availableKernels, type Kernels } from '../../../src/engine/index.js';
import { laneOf, naiveBatchNorm } from '../naive.js';
import { relativeError, sameBits, uniform } from '../numbers.js';

/** Batch normalisation on every backend, against the naive one over the images of a group and its central differences. */
const tolerance = 5e-6;
const epsilon = 0.01;
const h = 1e-5;

const noise = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

interface Dims {
  channels: number;
  area: number;
}

/** All four operations in a row; lanes from `lanes` on hold `rest` in x and, as the loss leaves them, zeros in dy. */
function run(kernels: Kernels, dims: Dims, lanes: number, rest = 0, offset = 0) {
  const { channels } = dims;
  const length = channels * dims.area * 16;
  const isEmpty = (i: number): boolean => i % 16 >= lanes;
  const x = uniform(0, length, 2).map((v, i) => (isEmpty(i) ? rest : v + offset));
  const dy = uniform(100_000, length).map((v, i) => (isEmpty(i) ? 0 : v));
  const [w, b] = [uniform(200_000, channels), uniform(300_000, channels)];
  const [dw, db] = [new Float32Array(channels), new Float32Array(channels)];
  const statistics = noise(2 * channels);
  const sums = noise(2 * channels);
  const [y, dx] = [noise(length), noise(length)];
  kernels.batchNormStatistics(statistics, x, lanes, dims);
  const used = statistics.map((v, i) => (i < channels ? v : 1 / Math.sqrt(v + epsilon)));
  kernels.batchNormForward(y, x, w, b, used, dims);
  kernels.batchNormBackwardParameters(dw, db, sums, x, dy, used, lanes, dims);
  kernels.batchNormBackwardInput(dx, x, dy, w, used, sums, lanes, dims);
  return { x, dy, w, b, y, dx, dw, db, sums, statistics };
}

const images = (buffer: Float32Array, lanes: number): Float64Array[] =>
  Array.from({ length: lanes }, (_, lane) => laneOf(buffer, lane));

const shapes: [Dims, number][] = [
  [{ channels: 3, area: 20 }, 16],
  [{ channels: 1, area: 1 }, 16],
  [{ channels: 5, area: 1 }, 7],
  [{ channels: 2, area: 7 }, 5],
  [{ channels: 4, area: 9 }, 1],
];

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  describe.each(shapes)('%j, %i images', (dims, lanes) => {
    const { channels } = dims;

    test('measures and normalises what the naive one does', () => {
      const { x, w, b, y, statistics } = run(kernels, dims, lanes);
      const expected = naiveBatchNorm(images(x, lanes), channels, { w, b }, epsilon);
      expect(relativeError(statistics.subarray(0, channels), expected.mean)).toBeLessThan(tolerance);
      expect(relativeError(statistics.subarray(channels), expected.variance)).toBeLessThan(tolerance);
      for (const [lane, output] of expected.outputs.entries()) {
        expect(relativeError(laneOf(y, lane), output)).toBeLessThan(tolerance);
      }
    });

    test('backward is the slope of forward', () => {
      const { x, dy, w, b, dx, dw, db, sums } = run(kernels, dims, lanes);
      const inputs = images(x, lanes);
      const slopes = images(dy, lanes);
      const [weights, biases] = [Float64Array.from(w), Float64Array.from(b)];
      const objective = (): number => {
        const { outputs } = naiveBatchNorm(inputs, channels, { w: weights, b: biases }, epsilon);
        return outputs.reduce((sum, y, lane) => sum + y.reduce((s, v, i) => s + v * slopes[lane][i], 0), 0);
      };
      const central = (values: Float64Array): Float64Array =>
        values.map((kept, i) => {
          values[i] = kept + h;
          const above = objective();
          values[i] = kept - h;
          const below = objective();
          values[i] = kept;
          return (above - below) / (2 * h);
        });
      const found = images(dx, lanes).flatMap((lane) => [...lane]);
      const expected = inputs.flatMap((lane) => [...central(lane)]);
      expect(relativeError(found, expected)).toBeLessThan(tolerance);
      expect(relativeError(dw, central(weights))).toBeLessThan(tolerance);
      expect(relativeError(db, central(biases))).toBeLessThan(tolerance);
      expect(sameBits(sums, Float32Array.of(...db, ...dw))).toBe(true);
    });

    test('lanes without an image count for nothing, whatever they hold', () => {
      const alone = run(kernels, dims, lanes);
      for (const rest of [7, -1e30, Number.NaN]) {
        const { y, dx, dw, db, sums, statistics } = run(kernels, dims, lanes, rest);
        expect(sameBits(statistics, alone.statistics)).toBe(true);
        expect(sameBits(sums, alone.sums)).toBe(true);
        expect(sameBits(dx, alone.dx)).toBe(true);
        expect(sameBits(dw, alone.dw)).toBe(true);
        expect(sameBits(db, alone.db)).toBe(true);
        const isImage = (_: number, i: number): boolean => i % 16 < lanes;
        expect(sameBits(y.filter(isImage), alone.y.filter(isImage))).toBe(true);
        expect(dx.every((v, i) => i % 16 < lanes || v === 0)).toBe(true);
      }
    });
  });

  test('a large mean costs the variance little', () => {
    const dims = { channels: 2, area: 50 };
    const [near, far] = [run(kernels, dims, 16), run(kernels, dims, 16, 0, 1000)];
    // The values themselves lose ten bits.
    expect(relativeError(far.statistics.subarray(2), near.statistics.subarray(2))).toBeLessThan(1e-4);
  });

  test('one value alone becomes the shift, and its gradient nothing', () => {
    const { y, dx, b, statistics } = run(kernels, { channels: 1, area: 1 }, 1);
    expect(statistics[1]).toBe(0);
    expect(y[0]).toBe(b[0]);
    expect(dx.every((v) => v === 0)).toBe(true);
  });
});
