import { expect, it } from 'vitest';
import { measureEngine } from '../../../src/cli/autotune/measure.js';
import {
  type Kernels,
  type ModelSpec,
  parseModelSpec,
  parseOptimizerSpec,
  referenceKernels,
} from '../../../src/engine/index.js';
import { watched } from '../../engine/watched.js';

const spec: ModelSpec = parseModelSpec({
  name: 'one',
  input: [1, 4, 4],
  layers: [{ type: 'flatten' }, { type: 'linear', units: 10 }, { type: 'softmax' }],
});

/** A clock that only the kernels move: the n-th call of an operation takes so many milliseconds, n from 1 on. */
function timed(takesMs: (operation: string, call: number) => number): {
  kernels: Kernels;
  now: () => number;
} {
  let ms = 0;
  const calls = new Map<string, number>();
  const kernels = watched(referenceKernels, (operation, _args, when) => {
    if (when === 'before') return;
    const call = (calls.get(operation) ?? 0) + 1;
    calls.set(operation, call);
    ms += takesMs(operation, call);
  });
  return { kernels, now: () => ms };
}

const measured = (
  optimizer: string,
  takesMs: (operation: string, call: number) => number,
): ReturnType<typeof measureEngine> => {
  const { kernels, now } = timed(takesMs);
  return measureEngine(spec, parseOptimizerSpec(optimizer), kernels, now);
};

const forward = 'linearForward';
const backward = 'linearBackwardParameters';

it.each([
  ['sgd', 'sgdUpdate'],
  ['adamw', 'adamUpdate'],
])('takes the times of a gradient per image, of an addition, and of an update by %s', (optimizer, update) => {
  // Forward and backward over two groups of sixteen images.
  const ms: Record<string, number> = { [forward]: 3, [backward]: 5, add: 7, [update]: 11 };
  expect(measured(optimizer, (operation) => ms[operation] ?? 0)).toEqual({
    imageMs: (2 * (3 + 5)) / 32,
    addMs: 7,
    updateMs: 11,
  });
});

const unsteady = (operation: string, call: number): number => {
  if (![forward, 'add', 'sgdUpdate'].includes(operation)) return 0;
  // Two groups make one gradient.
  const turn = operation === forward ? Math.ceil(call / 2) : call;
  return [1, 40, 40, 4][turn - 1] ?? 40;
};

it('takes the fastest of several, since other work makes the rest slower, and leaves out the first, which is another matter', () => {
  expect(measured('sgd', unsteady)).toEqual({ imageMs: 8 / 32, addMs: 4, updateMs: 4 });
});

it('goes on for 150 ms, and for three calls at least', () => {
  const counted = new Map<string, number>();
  const slow = (operation: string): number => {
    counted.set(operation, (counted.get(operation) ?? 0) + 1);
    return operation === 'add' ? 60_000 : 30;
  };
  measured('sgd', slow);
  // One that is not counted, and three.
  expect(counted.get('add')).toBe(1 + 3);
  // 150 ms, at 30 each.
  expect(counted.get('sgdUpdate')).toBe(1 + 5);
});
