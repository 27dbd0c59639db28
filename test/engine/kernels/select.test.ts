import { describe, expect, test } from 'vitest';
import { availableKernels, createRandom, type Kernels, referenceKernels } from '../../../src/engine/index.js';

const lengths = [1, 2, 15, 16, 17, 31, 33, 255, 256, 300, 1000, 5003];

/** Of many sizes, of two, all the same, with much that is exactly 0 or no number. */
const kinds: Record<string, (random: ReturnType<typeof createRandom>) => number> = {
  'values of many sizes': (random) => random.normal() * 2 ** (random.below(60) - 30),
  'values of one exponent': (random) => (1 + random.float()) * (random.below(2) === 0 ? 1 : -1),
  'neighbours in the last bit': (random) => 1 + random.below(4) * 2 ** -23,
  'two sizes': (random) => [1, -1, 2, -2][random.below(4)] ?? 0,
  'one size': () => -0.5,
  'nearly all 0': (random) => (random.below(20) === 0 ? random.normal() : ([0, -0][random.below(2)] ?? 0)),
  'the smallest there are': (random) => random.below(50) * 1e-45,
  'no numbers among them': (random) =>
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, 1][random.below(5)] ?? 0,
};

function selected(kernels: Kernels, x: Float32Array, kept: number): number[] {
  const places = new Int32Array(kept).fill(-1);
  kernels.selectLargest(places, x);
  return [...places];
}

/** By the definition: all places, the largest first, of equal ones the first one first. */
function expected(x: Float32Array, kept: number): number[] {
  const sizes = new Uint32Array(x.slice().buffer).map((bits) => bits & 0x7fff_ffff);
  return [...x.keys()]
    .toSorted((a, b) => sizes[b] - sizes[a] || a - b)
    .slice(0, kept)
    .toSorted((a, b) => a - b);
}

describe.each([...availableKernels.values()])('the largest values by $name', (kernels) => {
  test.each(Object.entries(kinds))('%s', (_, draw) => {
    for (const length of lengths) {
      for (let seed = 1; seed <= 3; seed++) {
        const random = createRandom(seed, length);
        const x = Float32Array.from({ length }, () => draw(random));
        const before = x.slice();
        for (const kept of new Set([1, Math.ceil(length / 100), Math.ceil(length / 3), length - 1, length])) {
          if (kept > 0)
            expect(selected(kernels, x, kept), `seed ${seed}, ${kept} of ${length}`).toEqual(
              expected(x, kept),
            );
        }
        expect(new Uint32Array(x.buffer)).toEqual(new Uint32Array(before.buffer));
      }
    }
  });

  test('wherever the values lie', () => {
    const random = createRandom(5);
    const room = Float32Array.from({ length: 400 }, () => random.normal());
    for (let offset = 0; offset < 20; offset++) {
      const x = room.subarray(offset, offset + 333);
      expect(selected(kernels, x, 40)).toEqual(selected(referenceKernels, x.slice(), 40));
    }
  });

  test('none of nothing, and never more than there are', () => {
    expect(selected(kernels, new Float32Array(0), 0)).toEqual([]);
    expect(selected(kernels, new Float32Array(3), 0)).toEqual([]);
    expect(() => kernels.selectLargest(new Int32Array(4), new Float32Array(3))).toThrow(
      'selectLargest: expected x to have at least 4 elements, found 3.',
    );
  });
});
