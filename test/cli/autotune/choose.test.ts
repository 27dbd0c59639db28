import { describe, expect, it } from 'vitest';
import { provisionalSizes } from '../../../src/cli/autotune/autotune.js';
import { type Cluster, chooseSizes, type Pace } from '../../../src/cli/autotune/choose.js';
import { chooseCut } from '../../../src/coordinator/index.js';

const auto = { batch: 'auto', microshards: 'auto' } as const;

const cluster = (workers: number, threadsPerWorker = 1, asynchronous = false): Cluster => ({
  workers,
  threadsPerWorker,
  asynchronous,
});
/** Nothing travels, and adding takes no time: a step idles for as long as an update takes. */
const paceOf = (imageMs: number, updateMs: number): Pace => ({ imageMs, addMs: 0, updateMs, messageMs: 0 });
const microshardsOf = (batch: number, ...of: Parameters<typeof cluster>): number =>
  chooseSizes({ batch, microshards: 'auto' }, paceOf(1, 0.01), cluster(...of)).microshards;

it('takes the smallest batch of which three quarters of a step are computing', () => {
  // 0.02 ms an image on two threads: 64 images take 0.64 ms, 512 5.12.
  expect(chooseSizes(auto, paceOf(0.02, 0.1), cluster(2))).toMatchObject({ batch: 64 });
  expect(chooseSizes(auto, paceOf(0.02, 1.5), cluster(2))).toMatchObject({ batch: 512 });
  const share = chooseSizes(auto, paceOf(0.02, 1.5), cluster(2)).idleShare;
  expect(share).toBeCloseTo(1.5 / (1.5 + 5.12), 10);
});

it('takes the largest where none is large enough, and says how little of a step is computing', () => {
  const chosen = chooseSizes(auto, paceOf(0.02, 30), cluster(8));
  expect(chosen.batch).toBe(1024);
  expect(chosen.idleShare).toBeGreaterThan(0.25);
});

it('takes a batch in which every thread has a part', () => {
  // Computing is all: with 64 images, which make four parts, twelve of sixteen threads would idle.
  expect(chooseSizes(auto, paceOf(1, 0.01), cluster(16))).toMatchObject({ batch: 256, microshards: 16 });
  // The given parts are too few with any batch: that is no reason for a large one.
  const given = { batch: 'auto', microshards: 2 } as const;
  expect(chooseSizes(given, paceOf(1, 0.01), cluster(16))).toMatchObject({ batch: 64, microshards: 2 });
});

it('cuts the batch into as many microshards as there are threads, at least eight, at most what it can be cut into', () => {
  expect(microshardsOf(512, 2)).toBe(8);
  expect(microshardsOf(512, 9)).toBe(16);
  expect(microshardsOf(512, 3, 3)).toBe(16);
  expect(microshardsOf(512, 100)).toBe(32);
  expect(microshardsOf(64, 2)).toBe(4);
  expect(microshardsOf(48, 2)).toBe(1);
});

describe('what travels', () => {
  const pace: Pace = { imageMs: 0.02, addMs: 0.25, updateMs: 0.5, messageMs: 1 };
  const fixed = { batch: 512, microshards: 16 };
  const reckoned = (...of: Parameters<typeof cluster>) => chooseSizes(fixed, pace, cluster(...of));
  const idleShare = (idleMs: number, threads: number): number =>
    idleMs / (idleMs + (fixed.batch * pace.imageMs) / threads);

  it('is one gradient for each process, however many threads it has, and the parameters', () => {
    // Eight threads in all. Additions: the threads of a process, and the gradients at the coordinator.
    for (const [workers, threadsPerWorker, additions] of [
      [8, 1, 8],
      [4, 2, 1 + 4],
      [1, 8, 7 + 1],
    ] as const) {
      const step = reckoned(workers, threadsPerWorker);
      expect(step.gradients).toBe(workers);
      const idleMs = pace.updateMs + additions * pace.addMs + (1 + workers) * pace.messageMs;
      expect(step.idleShare).toBeCloseTo(idleShare(idleMs, 8), 10);
    }
  });

  it('is as many gradients as the coordinator cuts blocks, where threads or workers are no power of two', () => {
    // Two of six threads share a block.
    expect(reckoned(1, 6).gradients).toBe(chooseCut(16, 32, 512, 3).length);
    expect(reckoned(3, 4).gradients).toBe(chooseCut(16, 32, 512, 3).length);
    // There are no more blocks than microshards.
    expect(reckoned(64, 1).gradients).toBe(16);
  });

  it('is one gradient for a step of asynchronous training, and the parameters', () => {
    const step = reckoned(4, 2, true);
    expect(step.gradients).toBe(1);
    expect(step.idleShare).toBeCloseTo(idleShare(0.5 + 0.25 + 2, 8), 10);
  });

  it('makes a larger batch worth its while: less so for threads of one process than for as many processes', () => {
    const slow = { imageMs: 0.2, addMs: 0.01, updateMs: 0.05, messageMs: 1 };
    const clusters = [cluster(1, 4), cluster(2, 2), cluster(4, 1)];
    expect(clusters.map((one) => chooseSizes(auto, slow, one).batch)).toEqual([128, 256, 512]);
  });
});

it('keeps what is given, and chooses a batch that the given microshards fit into', () => {
  const pace = paceOf(1, 0.01);
  expect(chooseSizes({ batch: 96, microshards: 2 }, pace, cluster(2))).toMatchObject({
    batch: 96,
    microshards: 2,
  });
  expect(chooseSizes({ batch: 'auto', microshards: 16 }, pace, cluster(2))).toMatchObject({
    batch: 256,
    microshards: 16,
  });
  expect(chooseSizes({ batch: 'auto', microshards: 256 }, pace, cluster(2))).toMatchObject({
    batch: 4096,
    microshards: 256,
  });
});

it('has stand-ins with which a spec can be checked before anything is measured', () => {
  expect(provisionalSizes(auto)).toEqual({ batch: 16, microshards: 1 });
  expect(provisionalSizes({ batch: 'auto', microshards: 8 })).toEqual({ batch: 128, microshards: 8 });
  expect(provisionalSizes({ batch: 256, microshards: 'auto' })).toEqual({ batch: 256, microshards: 1 });
});
