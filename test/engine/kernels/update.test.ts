import { describe, expect, test } from 'vitest';
import { availableKernels, type Kernels, referenceKernels } from '../../../src/engine/index.js';
import { sameBits, uniform } from '../numbers.js';

/** Sixteen hashes of the values' bits, and whether one is not finite. */
function hash(kernels: Kernels, values: Float32Array): Int32Array {
  const lanes = Int32Array.from({ length: 17 }, (_, i) => (i < 16 ? i : 0));
  kernels.hashLanes(lanes, values);
  return lanes;
}

describe.each([...availableKernels.values()])('kernels $name', (kernels) => {
  // Lengths that fill whole vectors and such that do not; what they come to is the same for every backend, whatever its numerics id.
  describe.each([0, 1, 3, 15, 16, 17, 64, 1003])(
    'what a coordinator does with a gradient of %i',
    (length) => {
      const state = (): Float32Array[] => [7, 5000, 9000, 12_000].map((from) => uniform(from, length));
      const same = (operate: (using: Kernels, arrays: Float32Array[]) => void): void => {
        const [found, expected] = [kernels, referenceKernels].map((using) => {
          const arrays = state();
          // Squares are no less than 0.
          arrays[3] = arrays[3].map(Math.abs);
          for (let step = 0; step < 3; step++) operate(using, arrays);
          return arrays;
        });
        for (const [i, array] of found.entries()) expect(sameBits(array, expected[i])).toBe(true);
      };

      test('scales', () => same((using, [y]) => using.scale(y, Float64Array.of(1 / 3))));

      test('sums the squares', () => {
        const sums = [kernels, referenceKernels].map((using) => {
          const sum = new Float64Array(1).fill(Number.NaN);
          using.sumOfSquares(sum, uniform(3, length));
          return sum[0];
        });
        expect(Object.is(sums[0], sums[1])).toBe(true);
      });

      test.each([0, 1])('takes a step with momentum, Nesterov’s or not (%i)', (nesterov) =>
        same((using, [p, g, v]) => using.sgdUpdate(p, g, v, Float64Array.of(0.1, 0.9, 0.01, nesterov))),
      );

      test('takes a step without momentum', () =>
        same((using, [p, g]) =>
          using.sgdUpdate(p, g, new Float32Array(0), Float64Array.of(0.1, 0, 0.01, 0)),
        ));

      test('takes a step of Adam', () => {
        const rule = Float64Array.of(0.003, 0.05, 0.999, 0.01, 0.9, 0.999, 1e-8);
        same((using, [p, g, m, v]) => using.adamUpdate(p, g, m, v, rule));
      });

      test('hashes the bits, and finds what is not finite', () => {
        const values = uniform(11, length);
        expect(hash(kernels, values)).toEqual(hash(referenceKernels, values));
        expect(hash(kernels, values)[16]).toBe(0);
        for (const at of [0, Math.floor(length / 2), length - 1].filter((i) => i >= 0 && i < length)) {
          const turned = values.with(at, -values[at]);
          expect(hash(kernels, turned)).not.toEqual(hash(kernels, values));
          for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
            const spoilt = values.with(at, bad);
            expect(hash(kernels, spoilt)).toEqual(hash(referenceKernels, spoilt));
            expect(hash(kernels, spoilt)[16]).toBe(1);
          }
        }
      });
    },
  );
});
