import { expect, it } from 'vitest';
import { mostRanges, rangesOf } from '../../src/protocol/index.js';

it.each([
  [62_006, 1],
  [62_006, 2],
  [62_006, 7],
  [62_006, 64],
  [10_000_000, 3],
  [256, 1],
  [1, 1],
  [257, 2],
  [1_000, 4],
])(
  '%i values in %i ranges: nothing twice, nothing left out, none empty, bounds at multiples of 256',
  (n, k) => {
    const ranges = rangesOf(n, k);
    expect(ranges.length).toBe(k);
    let next = 0;
    for (const { first, count } of ranges) {
      expect(first).toBe(next);
      expect(first % 256).toBe(0);
      expect(count).toBeGreaterThan(0);
      next = first + count;
    }
    expect(next).toBe(n);
    const counts = ranges.map(({ count }) => count);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(512);
  },
);

it('knows how many ranges there can be', () => {
  expect(mostRanges(1)).toBe(1);
  expect(mostRanges(257)).toBe(2);
  expect(mostRanges(10_000_000)).toBe(64);
  expect(rangesOf(62_006, 0)).toEqual([]);
  expect(() => rangesOf(257, 3)).toThrow('Expected at most 2 ranges, got 3.');
});
