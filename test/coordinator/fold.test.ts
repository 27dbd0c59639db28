import { describe, expect, it } from 'vitest';
import { createEvaluationFold, createTreeFold, type Sums } from '../../src/coordinator/fold.js';
import { createRandom, createVectorPool, permutation, referenceKernels } from '../../src/engine/index.js';
import { blocksFor, leavesOf } from '../../src/protocol/index.js';

const parameters = 37;

/** Gradients of unlike sizes, so that every other order of additions would show. */
function leafOf(index: number): { gradient: Float32Array; sums: Sums } {
  const random = createRandom(7, index);
  const scale = 10 ** (index % 7);
  return {
    gradient: Float32Array.from({ length: parameters }, () => random.normal() * scale),
    sums: { samples: 16, lossSum: random.float() * scale, correct: random.below(17) },
  };
}

/** A node as a worker computes it: left plus right, down to the leaves. */
function nodeOf(node: number, microshards: number): { gradient: Float32Array; sums: Sums } {
  const { first, count } = leavesOf(node, microshards);
  if (count === 1) return leafOf(first);
  const left = nodeOf(2 * node, microshards);
  const right = nodeOf(2 * node + 1, microshards);
  referenceKernels.add(left.gradient, right.gradient);
  const sums = {
    samples: left.sums.samples + right.sums.samples,
    lossSum: left.sums.lossSum + right.sums.lossSum,
    correct: left.sums.correct + right.sums.correct,
  };
  return { gradient: left.gradient, sums };
}

describe('the tree fold', () => {
  it('gives the same bits for every cut and every order of arrival', () => {
    const microshards = 32;
    const expected = nodeOf(1, microshards);
    const seed = Math.floor(Math.random() * 2 ** 32);
    const pool = createVectorPool(parameters);
    const fold = createTreeFold(referenceKernels, pool);
    for (let trial = 0; trial < 300; trial++) {
      const random = createRandom(seed, trial);
      const blocks = blocksFor(microshards, 1 + random.below(microshards));
      for (const i of permutation(blocks.length, random)) {
        const { gradient, sums } = nodeOf(blocks[i], microshards);
        const before = gradient.slice();
        expect(fold.root()).toBeNull();
        fold.insert(blocks[i], gradient, sums);
        expect(gradient, 'the arriving gradient is only read').toEqual(before);
      }
      const root = fold.root();
      expect(root?.gradient, `seed ${seed}, trial ${trial}`).toEqual(expected.gradient);
      expect(root?.sums, `seed ${seed}, trial ${trial}`).toEqual(expected.sums);
      fold.reset();
    }
    expect(pool.made).toBeLessThanOrEqual(microshards / 2 + 1);
  });

  it('needs few buffers when the blocks come in order', () => {
    const pool = createVectorPool(parameters);
    const fold = createTreeFold(referenceKernels, pool);
    for (let leaf = 0; leaf < 64; leaf++) {
      const { gradient, sums } = leafOf(leaf);
      fold.insert(64 + leaf, gradient, sums);
    }
    expect(pool.made).toBeLessThanOrEqual(7);
  });

  it('takes a block without samples for a zero, and shared memory for memory', () => {
    const fold = createTreeFold(referenceKernels, createVectorPool(parameters));
    const { gradient, sums } = leafOf(0);
    const shared = new Float32Array(new SharedArrayBuffer(parameters * 4));
    shared.set(gradient);
    fold.insert(3, null, { samples: 0, lossSum: 0, correct: 0 });
    fold.insert(2, shared, sums);
    expect(fold.root()).toEqual({ gradient, sums });
  });
});

describe('the evaluation fold', () => {
  it('gives the same loss for every order of arrival, and counts the confusion', () => {
    const passes = 5;
    const nodes = [4, 5, 6, 7];
    const units = Array.from({ length: passes }, (_, i) =>
      nodes.map((node) => ({ pass: i + 1, node })),
    ).flat();
    const confusion = Uint32Array.of(1, 2, 3, 4);
    const seed = Math.floor(Math.random() * 2 ** 32);
    const totals = Array.from({ length: 20 }, (_, trial) => {
      const fold = createEvaluationFold(passes, 2);
      for (const i of permutation(units.length, createRandom(seed, trial))) {
        expect(fold.total()).toBeNull();
        fold.insert(units[i].pass, units[i].node, leafOf(units[i].pass * 8 + units[i].node).sums, confusion);
      }
      return fold.total();
    });
    for (const total of totals) expect(total, `seed ${seed}`).toEqual(totals[0]);
    expect(totals[0]?.confusion).toEqual(Uint32Array.of(20, 40, 60, 80));
  });

  it('is complete with one block per pass', () => {
    const fold = createEvaluationFold(1, 2);
    const sums = { samples: 3, lossSum: 1.5, correct: 2 };
    fold.insert(1, 1, sums, new Uint32Array(4));
    expect(fold.total()?.sums).toEqual(sums);
  });
});
