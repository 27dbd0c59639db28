import { describe, expect, it } from 'vitest';
import { createTreeFold, noSums } from '../../src/coordinator/fold.js';
import { createRandom, createVectorPool, fingerprint, referenceKernels } from '../../src/engine/index.js';
import { asBytes } from '../../src/protocol/index.js';
import { createRangeSums, type RangeSums } from '../../src/reducer/range-sums.js';

const count = 37;
const vector = (key: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => createRandom(7, key, i).normal());
const markOf = (values: Float32Array): string => fingerprint(values, 0, 0).hash;

interface Block {
  node: number;
  values: Float32Array;
}

function add(sums: RangeSums, { node, values }: Block, worker = 'w1', step = 3): boolean {
  return sums.add({ step, node, worker, values: asBytes(values) });
}

function fold(
  sums: RangeSums,
  blocks: readonly Block[],
  emptyNodes: number[] = [],
  step = 3,
  oldestStep = 3,
) {
  const nodes = blocks.map(({ node }) => node);
  const marks = blocks.map(({ values }) => markOf(values));
  return sums.fold({ step, oldestStep, nodes, marks, emptyNodes });
}

/** As a coordinator without reducers would. */
function expected(blocks: readonly Block[], emptyNodes: number[] = []): number[] {
  const tree = createTreeFold(referenceKernels, createVectorPool(count));
  for (const { node, values } of blocks) tree.insert(node, values, noSums);
  for (const node of emptyNodes) tree.insert(node, null, noSums);
  return [...(tree.root()?.gradient ?? [])];
}

const blocksOf = (...nodes: number[]): Block[] => nodes.map((node) => ({ node, values: vector(node) }));
const lost = (...missing: number[]) => ({
  type: 'missing',
  missing,
  faults: missing.map(() => 'lost'),
  senders: missing.map(() => ''),
});

describe('the sums of a range', () => {
  it.each([[[1]], [[2, 3]], [[4, 5, 3]], [[8, 9, 5, 6, 7]], [[4, 5, 6, 7]]])(
    'are those of the coordinator’s tree, in any order: %j',
    (nodes) => {
      const blocks = blocksOf(...nodes);
      for (const order of [blocks, blocks.toReversed()]) {
        const sums = createRangeSums(referenceKernels, count);
        for (const block of order) expect(add(sums, block)).toBe(true);
        const folded = fold(sums, blocks);
        expect(folded.type === 'sum' && [...folded.values]).toEqual(expected(blocks));
        // Asked once more, since the answer was lost.
        expect(fold(sums, blocks.toReversed())).toEqual(folded);
      }
    },
  );

  it('take blocks without samples for zeros, which turn −0 into 0', () => {
    const minus = { node: 2, values: new Float32Array(count).fill(-0) };
    const sums = createRangeSums(referenceKernels, count);
    add(sums, minus);
    const folded = fold(sums, [minus], [6, 7]);
    expect(folded.type === 'sum' && Object.is(folded.values[0], 0)).toBe(true);
    expect(fold(sums, [minus], [6, 7])).toEqual(folded);
  });

  it('drop what comes twice, from whomever', () => {
    const blocks = blocksOf(2, 3);
    const sums = createRangeSums(referenceKernels, count);
    for (const block of blocks) {
      expect(add(sums, block)).toBe(true);
      expect(add(sums, block, 'w2')).toBe(false);
    }
    const folded = fold(sums, blocks);
    expect(folded.type === 'sum' && [...folded.values]).toEqual(expected(blocks));
  });

  it('say which blocks are missing, and sum when those have come', () => {
    const [two, six, seven] = blocksOf(2, 6, 7);
    const sums = createRangeSums(referenceKernels, count);
    add(sums, six);
    expect(fold(sums, [two, six, seven])).toEqual(lost(2, 7));
    add(sums, two);
    add(sums, seven);
    const folded = fold(sums, [two, six, seven]);
    expect(folded.type === 'sum' && [...folded.values]).toEqual(expected([two, six, seven]));
  });

  it('refuse what is not finite or has the wrong length, and say whose it was', () => {
    const [two, three] = blocksOf(2, 3);
    const sums = createRangeSums(referenceKernels, count);
    expect(add(sums, { node: 2, values: vector(2).fill(Number.NaN, 5, 6) }, 'sick')).toBe(false);
    expect(add(sums, { node: 3, values: vector(3).subarray(1) }, 'short')).toBe(false);
    expect(fold(sums, [two, three])).toEqual({
      type: 'missing',
      missing: [2, 3],
      faults: ['not_finite', 'wrong_length'],
      senders: ['sick', 'short'],
    });
    for (const block of [two, three]) add(sums, block);
    expect(fold(sums, [two, three]).type).toBe('sum');
  });

  it('never sum bits that nobody asked for: everything is computed again', () => {
    const [two, three] = blocksOf(2, 3);
    const sums = createRangeSums(referenceKernels, count);
    add(sums, { node: 2, values: vector(99) }, 'wrong');
    add(sums, three);
    expect(fold(sums, [two, three])).toEqual({
      type: 'missing',
      missing: [2, 3],
      faults: ['differs', 'lost'],
      senders: ['wrong', ''],
    });
    for (const block of [two, three]) add(sums, block);
    const folded = fold(sums, [two, three]);
    expect(folded.type === 'sum' && [...folded.values]).toEqual(expected([two, three]));
  });

  it('forget what was cut otherwise when a step begins anew', () => {
    const [two, three] = blocksOf(2, 3);
    const finer = blocksOf(4, 5, 6, 7);
    const sums = createRangeSums(referenceKernels, count);
    for (const block of [two, three, ...finer]) add(sums, block);
    const folded = fold(sums, finer);
    expect(folded.type === 'sum' && [...folded.values]).toEqual(expected(finer));
  });

  it('keep steps apart, and leave those that are over', () => {
    const blocks = blocksOf(2, 3);
    const sums = createRangeSums(referenceKernels, count);
    for (const step of [3, 4]) for (const block of blocks) add(sums, block, 'w1', step);
    expect(fold(sums, blocks, [], 3, 3).type).toBe('sum');
    expect(fold(sums, blocks, [], 4, 4).type).toBe('sum');
    expect(add(sums, blocks[0], 'late', 3)).toBe(false);
    const made = sums.buffers;
    for (let step = 5; step < 50; step++) {
      for (const block of blocks) add(sums, block, 'w1', step);
      expect(fold(sums, blocks, [], step, step).type).toBe('sum');
    }
    expect(sums.buffers).toBeLessThanOrEqual(made + 1);
  });

  it('hold few vectors, however many blocks there are, also of steps that nobody closes', () => {
    const sums = createRangeSums(referenceKernels, count);
    const blocks = blocksOf(...Array.from({ length: 256 }, (_, i) => 256 + i));
    for (let step = 0; step < 40; step++) for (const block of blocks) add(sums, block, 'w1', step);
    // In order there is one for each level of the tree at most.
    expect(sums.buffers).toBeLessThanOrEqual(9 + 9);
  });
});
