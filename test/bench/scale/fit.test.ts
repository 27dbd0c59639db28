import { describe, expect, it } from 'vitest';
import { dot, fitNonNegative, fitRelative } from '../../../bench/scale/fit.mjs';
import { createRandom } from '../../../src/engine/index.js';

/** A step, its messages, its megabytes: as the points of a measurement lie, over four orders of magnitude. */
const rows = [0.25, 2.7, 40].flatMap((size) =>
  [1, 2, 4, 8, 16, 64, 256].map((n) => [1, 2 * n, size * (1 + 3 * n)]),
);
const targetsOf = (truth: number[]) => rows.map((row) => dot(row, truth));
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const seed = Math.floor(Math.random() * 2 ** 31);

describe.each([
  ['by absolute error', fitNonNegative],
  ['by relative error', fitRelative],
])('a fit %s', (_, fit) => {
  it('finds the coefficients that the points were made with', () => {
    const truth = [1.5, 0.04, 0.9];
    const found = fit(rows, targetsOf(truth));
    for (const [i, value] of truth.entries()) expect(found[i]).toBeCloseTo(value, 6);
  });

  it('gives a term that explains nothing a zero', () => {
    const found = fit(rows, targetsOf([0, 0.04, 0.9]));
    expect(found[0]).toBeCloseTo(0, 6);
    expect(found[2]).toBeCloseTo(0.9, 6);
  });

  it('gives no term less than zero, and the others what is then the best', () => {
    const targets = targetsOf([3, -0.001, 0.9]);
    const found = fit(rows, targets);
    expect(found[1]).toBe(0);
    // Without the term that would be negative it is an ordinary fit: the error has no part in the direction of what is left.
    const weights = targets.map((target) => (fit === fitRelative ? target : 1));
    for (const term of [0, 2]) {
      const slope = rows.map(
        (row, i) => ((dot(row, found) - targets[i]) / weights[i]) * (row[term] / weights[i]),
      );
      const size = rows.map((row, i) => Math.abs((targets[i] / weights[i]) * (row[term] / weights[i])));
      expect(Math.abs(sum(slope)) / sum(size)).toBeLessThan(1e-9);
    }
  });

  it('takes a term that is zero at every point for absent', () => {
    const wider = rows.map((row) => [...row, 0]);
    const found = fit(wider, targetsOf([1.5, 0.04, 0.9]));
    expect(found[3]).toBe(0);
    expect(found[2]).toBeCloseTo(0.9, 6);
  });
});

it(`says of points that it has not seen what they are, where the seen ones are noisy (seed ${seed})`, () => {
  const random = createRandom(seed);
  const truth = [1.5, 0.04, 0.9];
  const noisy = targetsOf(truth).map((target) => target * (0.95 + 0.1 * random.float()));
  const found = fitRelative(rows, noisy);
  for (const row of [
    [1, 6, 2.5],
    [1, 200, 75],
    [1, 64, 3880],
  ])
    expect(Math.abs(dot(row, found) / dot(row, truth) - 1)).toBeLessThan(0.1);
});

it('counts a small point as much as a large one where errors are relative', () => {
  const double = (row: number[], i: number) => dot(row, [1, 0.04, 0.9]) * (i === rows.length - 1 ? 2 : 1);
  const targets = rows.map(double);
  const errorOfSmallest = (found: number[]) => Math.abs(dot(rows[0], found) / targets[0] - 1);
  expect(errorOfSmallest(fitRelative(rows, targets))).toBeLessThan(
    errorOfSmallest(fitNonNegative(rows, targets)),
  );
});
