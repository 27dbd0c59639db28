import { expect, it } from 'vitest';
import { measureEngine } from '../../../src/cli/autotune/measure.js';
import {
  namedSpecs,
  parseOptimizerSpec,
  referenceKernels,
  resolveKernels,
} from '../../../src/engine/index.js';

const clock = (): number => performance.now();

it('takes the time of a gradient, per image, and of an update', () => {
  const lenet = namedSpecs.get('lenet');
  if (lenet === undefined) throw new Error('There is no lenet.');
  const optimizer = parseOptimizerSpec('adamw');
  const fast = measureEngine(lenet, optimizer, resolveKernels().kernels, clock);
  expect(fast.imageMs).toBeGreaterThan(0);
  expect(fast.updateMs).toBeGreaterThan(0);
  // Plain loops take a hundred times as long as vector instructions: told apart on the busiest machine.
  const slow = measureEngine(lenet, optimizer, referenceKernels, clock);
  expect(slow.imageMs).toBeGreaterThan(3 * fast.imageMs);
});

it('takes the fastest of several calls by the clock that it is given', () => {
  const spec = {
    name: 'one',
    input: [1, 4, 4] as [number, number, number],
    layers: [
      { type: 'flatten' as const },
      { type: 'linear' as const, units: 10 },
      { type: 'softmax' as const },
    ],
  };
  let ms = 0;
  // Each look at the clock is 20 ms after the one before.
  const now = (): number => (ms += 20);
  expect(measureEngine(spec, parseOptimizerSpec('sgd'), referenceKernels, now)).toEqual({
    imageMs: 20 / 32,
    updateMs: 20,
  });
});
