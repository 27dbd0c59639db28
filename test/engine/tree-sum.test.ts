import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type Addend,
  createRandom,
  createTreeSum,
  createVectorPool,
  permutation,
  type Random,
  referenceKernels,
  resolveKernels,
  type VectorStore,
} from '../../src/engine/index.js';
import { watched } from './watched.js';

const count = 37;
const bits = (vector: Float32Array | null): number[] =>
  vector === null ? [] : [...new Uint32Array(vector.buffer, vector.byteOffset, vector.length)];
/** Sizes so unlike that every other order of additions shows; some are −0, which zeros turn into 0. */
const vector = (random: Random): Float32Array =>
  Float32Array.from({ length: count }, () =>
    random.below(8) === 0 ? -0 : random.normal() * 10 ** random.below(7),
  );

/** The leaves of a tree that is cut at random, at most `depth` levels deep. */
function cut(node: number, depth: number, random: Random): number[] {
  if (depth === 0 || random.below(4) === 0) return [node];
  return [...cut(2 * node, depth - 1, random), ...cut(2 * node + 1, depth - 1, random)];
}

/** Straight from the definition. */
function sumOf(node: number, leaves: ReadonlyMap<number, Float32Array>): Float32Array {
  const leaf = leaves.get(node);
  if (leaf !== undefined) return leaf;
  const right = sumOf(2 * node + 1, leaves);
  return sumOf(2 * node, leaves).map((value, i) => Math.fround(value + right[i]));
}

/** As some form in which values may come; null only for zeros. */
function addendOf(values: Float32Array, random: Random): Addend {
  if (values.every((value) => Object.is(value, 0))) return null;
  if (random.below(2) === 0) return values;
  return (y, add) => {
    for (let i = 0; i < count; i++) y[i] = add ? y[i] + values[i] : values[i];
  };
}

const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));

describe('a sum in tree order', () => {
  it.each([
    ['plain', referenceKernels, Number.POSITIVE_INFINITY],
    ['native', resolveKernels().kernels, Number.POSITIVE_INFINITY],
    ['native', resolveKernels().kernels, 4],
    ['plain', referenceKernels, 0],
  ])(
    'has the bits of its definition, in whatever order and form its nodes come, with %s kernels',
    (_name, kernels, most) => {
      // Several at once take from one pool, as the steps in flight do; and what does not fit lies elsewhere.
      const store: VectorStore = {
        put(lying) {
          const values = lying.slice();
          return { moveTo: (y) => y.set(values), drop: () => undefined };
        },
      };
      const pool = createVectorPool(count, { most, store });
      const sums = [createTreeSum(kernels, pool), createTreeSum(kernels, pool), createTreeSum(kernels, pool)];
      const depth = 6;
      for (let trial = 0; trial < 60; trial++) {
        const random = createRandom(seed, trial);
        const trees = sums.map((sum) => {
          const nodes = cut(1, depth, random);
          const leaves = new Map(
            nodes.map((node) => [node, random.below(6) === 0 ? new Float32Array(count) : vector(random)]),
          );
          return { sum, leaves, order: [...permutation(nodes.length, random)].map((i) => nodes[i]) };
        });
        for (let turn = 0; turn < 2 ** depth; turn++) {
          for (const { sum, leaves, order } of trees) {
            const values = leaves.get(order[turn]);
            if (values === undefined) continue;
            expect(sum.root()).toBeNull();
            const before = values.slice();
            sum.insert(order[turn], addendOf(values, random));
            expect(bits(values), 'what comes is only read').toEqual(bits(before));
          }
        }
        for (const { sum, leaves } of trees) {
          expect(bits(sum.root()), `seed ${seed}, trial ${trial}`).toEqual(bits(sumOf(1, leaves)));
          // Whoever has the root may write to it.
          sum.root()?.fill(Number.NaN);
          sum.reset();
          expect(sum.root()).toBeNull();
        }
      }
      expect(pool.made).toBeLessThanOrEqual((sums.length * 2 ** depth) / 2);
      expect(bits(pool.zeros())).toEqual(bits(new Float32Array(count)));
    },
  );

  it('holds a vector per level when nodes come in leaf order, and half of them when every second comes first', () => {
    const leaves = Array.from({ length: 64 }, (_, i) => 64 + i);
    const inOrder = createVectorPool(count);
    const apart = createVectorPool(count);
    const sums = [createTreeSum(referenceKernels, inOrder), createTreeSum(referenceKernels, apart)];
    for (const leaf of leaves) sums[0].insert(leaf, new Float32Array(count));
    for (const leaf of leaves.toSorted((a, b) => (a % 2) - (b % 2) || a - b))
      sums[1].insert(leaf, new Float32Array(count));
    expect([inOrder.made, apart.made]).toEqual([6, 32]);
    expect(sums.map((sum) => sum.root() !== null)).toEqual([true, true]);
  });

  it('goes over memory once for each node, and copies none whose sibling is there', () => {
    const additions: unknown[][] = [];
    const kernels = watched(referenceKernels, (operation, args, when) => {
      if (operation === 'add' && when === 'before') additions.push(args);
    });
    const pool = createVectorPool(count);
    const sum = createTreeSum(kernels, pool);
    const [left, right] = [vector(createRandom(1)), vector(createRandom(2))];
    sum.insert(2, left);
    expect([additions.length, pool.made]).toEqual([0, 1]);
    sum.insert(3, right);
    expect(additions).toEqual([[sum.root(), right]]);
    expect(additions[0][1]).toBe(right);
    expect(pool.made).toBe(1);
  });

  it('leaves a root that is taken to whoever took it', () => {
    const pool = createVectorPool(count);
    const sum = createTreeSum(referenceKernels, pool);
    const values = vector(createRandom(3));
    expect(sum.takeRoot()).toBeNull();
    sum.insert(1, values);
    const taken = sum.takeRoot();
    expect([sum.root(), sum.takeRoot()]).toEqual([null, null]);
    sum.reset();
    sum.insert(1, new Float32Array(count));
    expect(sum.root()).not.toBe(taken);
    expect(bits(taken)).toEqual(bits(values));
    expect(pool.made).toBe(2);
  });
});
