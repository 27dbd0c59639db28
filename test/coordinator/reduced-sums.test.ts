import { expect, it } from 'vitest';
import { reducedRanges } from '../../src/coordinator/reduced-sums.js';

const localSgd = {
  type: 'local-sgd',
  localSteps: 4,
  replicas: 2,
  outer: { learningRate: 1, momentum: 0 },
} as const;
const asynchronous = { type: 'async', staleness: 8, reproducible: false } as const;

it('cuts the parameters of an exact run into as many ranges as there are reducers', () => {
  expect(reducedRanges({}, 10_000, 0)).toEqual([]);
  const ranges = reducedRanges({}, 10_000, 3);
  expect(ranges).toHaveLength(3);
  expect(ranges.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
});

it.each([
  ['local SGD', { mode: localSgd }, /mode of this run is local-sgd: start it without --reducers/],
  ['asynchronous training', { mode: asynchronous }, /mode of this run is async: start it/],
  ['rounded gradients', { gradients: { type: 'int8', blocks: 2 } as const }, /rounded \(int8\)/],
])('refuses %s', (_name, spec, message) => {
  expect(() => reducedRanges(spec, 10_000, 2)).toThrow(message);
  expect(reducedRanges(spec, 10_000, 0)).toEqual([]);
});

it('refuses more reducers than a model has ranges', () => {
  expect(() => reducedRanges({}, 10, 2)).toThrow(/can be summed by at most 1 reducers, but 2 are asked for/);
});
