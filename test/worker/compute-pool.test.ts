import { afterEach, describe, expect, it } from 'vitest';
import type { ComputeRequest, ThreadRecipe } from '../../src/worker/compute-messages.js';
import { type ComputePool, openComputePool } from '../../src/worker/compute-pool.js';

const recipe: ThreadRecipe = {
  modelSpecJson: '{}',
  manifestJson: '{}',
  kernels: 'reference',
  numericsId: 'reference/1',
  microshards: 2,
  microshardSamples: 16,
  seed: 1,
  augmentationJson: '',
  lossJson: '',
  localTrainingJson: '',
  gradientEncoding: 'f32',
  gradientsKept: 0,
  staleness: 0,
  newestWeights: false,
  threads: 1,
  blockFolder: '',
};
const obedient = new URL('./threads/obedient.mjs', import.meta.url);
const pools: ComputePool[] = [];
const warnings: string[] = [];

const onWarning = (message: string): void => void warnings.push(message);

async function open(threads: number, threadUrl = obedient): Promise<ComputePool> {
  const pool = await openComputePool({ threads, recipe, shared: new Map(), onWarning, threadUrl });
  pools.push(pool);
  return pool;
}

let ids = 0;
function order(step: number): ComputeRequest {
  const parameters = new SharedArrayBuffer(8);
  ids += 1;
  return {
    id: ids,
    mode: 'train',
    fence: 1,
    step,
    epoch: 0,
    node: 1,
    samples: new Uint32Array(0),
    nextSamples: new Uint32Array(0),
    perMicroshard: 16,
    parameters,
  };
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  warnings.length = 0;
});

describe('compute threads', () => {
  it('compute side by side', async () => {
    const pool = await open(2);
    const waiting = order(4);
    const blocked = pool.compute(waiting);
    await expect(pool.compute(order(0))).resolves.toMatchObject({ type: 'computed', computeMs: 1 });
    pool.abandon(waiting.id);
    await expect(blocked).resolves.toMatchObject({ type: 'abandoned' });
    expect(warnings).toEqual([]);
  });

  it('are all stopped that share a block, and take it again under its number', async () => {
    const pool = await open(3);
    const block = order(4);
    const bystander = order(4);
    const parts = [pool.compute(block), pool.compute(block)];
    const other = pool.compute(bystander);
    pool.abandon(block.id);
    expect(await Promise.all(parts)).toMatchObject([{ type: 'abandoned' }, { type: 'abandoned' }]);
    const again = [pool.compute(block), pool.compute(block)];
    pool.abandon(bystander.id);
    await expect(other).resolves.toMatchObject({ type: 'abandoned' });
    pool.abandon(block.id);
    await Promise.all(again);
    await expect(pool.compute({ ...block, step: 6 })).resolves.toMatchObject({ type: 'computed' });
  });

  it.each([
    [1, /as ordered/],
    [2, /memory/],
    [3, /ended by itself/],
  ])('that die in a computation (%i) fail it, and are replaced', async (step, reason) => {
    const pool = await open(1);
    const outcome = await pool.compute(order(step));
    expect(outcome).toMatchObject({ type: 'failed', reason: expect.stringMatching(reason) });
    await expect(pool.compute(order(0))).resolves.toMatchObject({ type: 'computed' });
    expect(warnings).toHaveLength(1);
  });

  it('that report a failure live on', async () => {
    const pool = await open(1);
    await expect(pool.compute(order(5))).resolves.toMatchObject({ type: 'failed', reason: 'no such sample' });
    await expect(pool.compute(order(0))).resolves.toMatchObject({ type: 'computed' });
    expect(warnings).toEqual([]);
  });

  it('that cannot start say why', async () => {
    await expect(open(2, new URL('./threads/stillborn.mjs', import.meta.url))).rejects.toThrow(
      /no such kernels/,
    );
  });

  it('closed in a computation leave nobody waiting', async () => {
    const pool = await open(1);
    const blocked = pool.compute(order(4));
    // Let the request reach the thread.
    await new Promise((resolve) => setImmediate(resolve));
    await pool.close();
    await expect(blocked).resolves.toMatchObject({ type: 'abandoned' });
    await expect(pool.compute(order(0))).resolves.toMatchObject({ type: 'abandoned' });
  });
});
