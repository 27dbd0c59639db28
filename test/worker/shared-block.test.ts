import { describe, expect, it } from 'vitest';
import type { ComputeRequest } from '../../src/worker/compute-messages.js';
import type { ComputeOutcome, ComputePool } from '../../src/worker/compute-pool.js';
import { computeShared } from '../../src/worker/shared-block.js';
import { kernels, microshards, newComputer, request } from './small-run.js';

type Parts = Pick<ComputePool, 'compute' | 'abandon'>;

/** A thread for every part, that answers out of turn. */
function crew(): Parts & { nodes: number[] } {
  const nodes: number[] = [];
  return {
    nodes,
    async compute(part): Promise<ComputeOutcome> {
      nodes.push(part.node);
      const sums = newComputer()(part, () => false);
      if (sums === null) throw new Error('Nobody stopped it.');
      for (let turns = 9 - nodes.length; turns > 0; turns--) await Promise.resolve();
      return { type: 'computed', sums, computeMs: 1, thread: nodes.indexOf(part.node), threads: 1 };
    },
    abandon: () => expect.unreachable(),
  };
}

function shared(work: ComputeRequest, width: number, pool: Parts): Promise<ComputeOutcome> {
  let nowMs = 0;
  return computeShared(work, width, { pool, kernels, microshards, now: () => (nowMs += 5) });
}

/** Part `at` comes out like this; the others wait until they are stopped. */
const failing = (at: number, outcome: ComputeOutcome): Parts & { stopped: number[] } => {
  const stopped: number[] = [];
  const stops: (() => void)[] = [];
  return {
    stopped,
    compute: (part) =>
      part.node === at
        ? Promise.resolve(outcome)
        : new Promise((resolve) => stops.push(() => resolve({ type: 'abandoned' }))),
    abandon(id) {
      stopped.push(id);
      for (const stop of stops.splice(0)) stop();
    },
  };
};

describe('a block that several threads share', () => {
  /** Whole; of a short step: a part without samples, and a node whose parts are single microshards. */
  const blocks: [number, number][] = [
    [1, 128],
    [1, 128 - 69],
    [2, 128],
    [3, 128 - 7],
  ];

  it.each(blocks)(
    'has the bits of one thread, whatever the width (node %i of %i samples)',
    async (node, batch) => {
      const whole = newComputer()(request(node, batch), () => false);
      for (const width of node === 1 ? [1, 2, 4, 8] : [1, 2, 4]) {
        const pool = crew();
        const outcome = await shared(request(node, batch), width, pool);
        expect(outcome).toEqual({ type: 'computed', sums: whole, computeMs: 5, thread: 0, threads: width });
        expect(pool.nodes).toEqual(Array.from({ length: width }, (_, i) => node * width + i));
      }
    },
  );

  it.each([3, 8])('is not cut into %i parts, if those are no subtrees', async (width) => {
    await expect(shared(request(2, 128), width, crew())).rejects.toThrow(/power of two up to 4/);
  });

  it.each<ComputeOutcome>([
    { type: 'failed', reason: 'the compute thread died' },
    { type: 'block_missing', block: 3 },
    { type: 'abandoned' },
  ])('fails as its first part does, and the other parts are stopped (%j)', async (outcome) => {
    for (const node of [4, 6, 7]) {
      const pool = failing(node, outcome);
      await expect(shared(request(1, 128, { id: 17 }), 4, pool)).resolves.toEqual(outcome);
      expect(pool.stopped).toEqual([17]);
    }
  });
});
