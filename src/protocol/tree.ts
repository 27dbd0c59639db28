/**
 * The binary tree over the microshards of a step, numbered like a heap: the root is 1, the children of n are
 * 2n and 2n + 1, leaf i is M + i. It fixes the order of every sum, so that no sum depends on who computed it.
 */

/** More leaves than any run needs; heap indices stay far below 2³². */
export const maxMicroshards = 65_536;

export function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && n <= 2 ** 31 && (n & (n - 1)) === 0;
}

/** The node that `node` is summed into. The root has none: RangeError. */
export function parentOf(node: number): number {
  assertNode(node);
  if (node === 1) throw new RangeError('The root has no parent.');
  return node >>> 1;
}

/** The other child of the parent. The root has none: RangeError. */
export function siblingOf(node: number): number {
  assertNode(node);
  if (node === 1) throw new RangeError('The root has no sibling.');
  return (node ^ 1) >>> 0;
}

/** The left child; the right one is the next number. */
export function leftOf(node: number): number {
  assertNode(node);
  return node * 2;
}

/** True for a left child: its sum comes first. The root is neither. */
export function isLeft(node: number): boolean {
  assertNode(node);
  return node > 1 && node % 2 === 0;
}

/** The microshards below `node`: `count` of them from `first` on. RangeError if the tree has no such node. */
export function leavesOf(node: number, microshards: number): { first: number; count: number } {
  assertMicroshards(microshards);
  assertNode(node);
  if (node >= 2 * microshards) {
    throw new RangeError(
      `A tree over ${microshards} microshards has the nodes 1 to ${2 * microshards - 1}, not ${node}.`,
    );
  }
  const depth = 31 - Math.clz32(node);
  const count = microshards >>> depth;
  return { first: (node - 2 ** depth) * count, count };
}

/** How much longer than a perfect split the slowest worker may take before blocks are cut smaller. */
const tolerance = 1.15;

/**
 * Aligned subtrees that cover the root exactly, in leaf order: at least one per worker where M allows.
 *
 * Few blocks, since each costs one gradient on the wire, but an even share: with workers a power of two, one each.
 * Otherwise one large block each, then the rest in smaller pieces, so that nobody waits for somebody's second
 * large block. Larger blocks come first, which is also the order in which to dispatch them.
 */
export function blocksFor(microshards: number, workers: number): number[] {
  assertMicroshards(microshards);
  if (!Number.isInteger(workers) || workers < 1)
    throw new RangeError(`Expected at least one worker, got ${workers}.`);
  const depth = Math.min(Math.ceil(Math.log2(workers)), Math.log2(microshards));
  const blocks = 2 ** depth;
  const large = Math.min(workers, blocks);
  const rest = blocks - large;
  const cuts = rest === 0 ? 0 : cutsOfTheRest(rest, large, blocks, Math.log2(microshards) - depth);
  const nodes: number[] = [];
  for (let i = 0; i < large; i++) nodes.push(blocks + i);
  const fine = blocks * 2 ** cuts;
  for (let i = large * 2 ** cuts; i < fine; i++) nodes.push(fine + i);
  return nodes;
}

/** How often to halve the blocks that are left after everybody got a large one. */
function cutsOfTheRest(rest: number, workers: number, blocks: number, deepest: number): number {
  const ideal = blocks / workers;
  let best = 0;
  let bestTime = Number.POSITIVE_INFINITY;
  for (let cuts = 0; cuts <= Math.min(3, deepest); cuts++) {
    const pieces = 2 ** cuts;
    const time = 1 + Math.ceil((rest * pieces) / workers) / pieces; // in units of a large block
    if (time <= ideal * tolerance) return cuts;
    if (time < bestTime) {
      best = cuts;
      bestTime = time;
    }
  }
  return best;
}

/**
 * Which positions of a step's samples each microshard gets: i gets [i·S, (i + 1)·S), so that in a short batch the
 * later ones are short or empty. RangeError if they do not fit.
 */
export function cutSamples(
  sampleCount: number,
  microshards: number,
  perMicroshard: number,
): { first: number; count: number }[] {
  assertMicroshards(microshards);
  if (!Number.isInteger(perMicroshard) || perMicroshard < 1) {
    throw new RangeError(`Expected at least one sample per microshard, got ${perMicroshard}.`);
  }
  if (!Number.isInteger(sampleCount) || sampleCount < 0 || sampleCount > microshards * perMicroshard) {
    throw new RangeError(
      `Expected 0 to ${microshards * perMicroshard} samples for ${microshards} microshards of ${perMicroshard}, got ${sampleCount}.`,
    );
  }
  return Array.from({ length: microshards }, (_, i) => {
    const first = Math.min(i * perMicroshard, sampleCount);
    return { first, count: Math.min(perMicroshard, sampleCount - first) };
  });
}

function assertNode(node: number): void {
  if (!Number.isInteger(node) || node < 1 || node >= 2 * maxMicroshards) {
    throw new RangeError(`Expected a node of the tree, from 1 on, got ${node}.`);
  }
}

function assertMicroshards(microshards: number): void {
  if (!isPowerOfTwo(microshards) || microshards > maxMicroshards) {
    throw new RangeError(
      `Expected a power of two up to ${maxMicroshards} as the number of microshards, got ${microshards}.`,
    );
  }
}
