import { expect, it } from 'vitest';
import { provisionalSizes } from '../../../src/cli/autotune/autotune.js';
import { chooseSizes } from '../../../src/cli/autotune/choose.js';

const auto = { batch: 'auto', microshards: 'auto' } as const;

it('takes the smallest batch of which three quarters of a step are computing', () => {
  // 0.02 ms an image on two threads: 64 images take 0.64 ms, 512 5.12.
  expect(chooseSizes(auto, { imageMs: 0.02, idleMs: 0.1, threads: 2 })).toMatchObject({ batch: 64 });
  expect(chooseSizes(auto, { imageMs: 0.02, idleMs: 1.5, threads: 2 })).toMatchObject({ batch: 512 });
  const share = chooseSizes(auto, { imageMs: 0.02, idleMs: 1.5, threads: 2 }).idleShare;
  expect(share).toBeCloseTo(1.5 / (1.5 + 5.12), 10);
});

it('takes the largest where none is large enough, and says how little of a step is computing', () => {
  const chosen = chooseSizes(auto, { imageMs: 0.02, idleMs: 30, threads: 8 });
  expect(chosen.batch).toBe(1024);
  expect(chosen.idleShare).toBeGreaterThan(0.25);
});

it('cuts the batch into as many microshards as there are threads, at least eight, at most what it can be cut into', () => {
  const fast = { imageMs: 1, idleMs: 0.01 };
  expect(chooseSizes({ batch: 512, microshards: 'auto' }, { ...fast, threads: 2 }).microshards).toBe(8);
  expect(chooseSizes({ batch: 512, microshards: 'auto' }, { ...fast, threads: 9 }).microshards).toBe(16);
  expect(chooseSizes({ batch: 512, microshards: 'auto' }, { ...fast, threads: 100 }).microshards).toBe(32);
  expect(chooseSizes({ batch: 64, microshards: 'auto' }, { ...fast, threads: 2 }).microshards).toBe(4);
  expect(chooseSizes({ batch: 48, microshards: 'auto' }, { ...fast, threads: 2 }).microshards).toBe(1);
});

it('keeps what is given, and chooses a batch that the given microshards fit into', () => {
  const pace = { imageMs: 1, idleMs: 0.01, threads: 2 };
  expect(chooseSizes({ batch: 96, microshards: 2 }, pace)).toMatchObject({ batch: 96, microshards: 2 });
  expect(chooseSizes({ batch: 'auto', microshards: 16 }, pace)).toMatchObject({
    batch: 256,
    microshards: 16,
  });
  expect(chooseSizes({ batch: 'auto', microshards: 256 }, pace)).toMatchObject({
    batch: 4096,
    microshards: 256,
  });
});

it('has stand-ins with which a spec can be checked before anything is measured', () => {
  expect(provisionalSizes(auto)).toEqual({ batch: 16, microshards: 1 });
  expect(provisionalSizes({ batch: 'auto', microshards: 8 })).toEqual({ batch: 128, microshards: 8 });
  expect(provisionalSizes({ batch: 256, microshards: 'auto' })).toEqual({ batch: 256, microshards: 1 });
});
