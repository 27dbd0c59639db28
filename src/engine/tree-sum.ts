import type { Kernels } from './kernels/kernels.js';

/** Vectors of one length that are used again and again. */
export interface VectorPool {
  /** f32[length]; what stands in it is whatever was written there last. */
  take(): Float32Array;
  /** Of those that were taken: whoever gives one back reads it no more. */
  give(vector: Float32Array): void;
  /** f32[length] of zeros, one for all: only read. */
  zeros(): Float32Array;
  /** Vectors made so far, the zeros apart. */
  readonly made: number;
}

export function createVectorPool(length: number): VectorPool {
  const free: Float32Array[] = [];
  let zeros: Float32Array | null = null;
  let made = 0;
  return {
    take() {
      const vector = free.pop();
      if (vector !== undefined) return vector;
      made += 1;
      return new Float32Array(length);
    },
    give(vector) {
      free.push(vector);
    },
    zeros: () => (zeros ??= new Float32Array(length)),
    get made() {
      return made;
    },
  };
}

/** What a node is: a vector that is only read; something that writes its values to y, or adds them to it; null for zeros. */
export type Addend = Float32Array | ((y: Float32Array, add: boolean) => void) | null;

/**
 * A sum in the order of a binary tree, numbered like a heap: the root is 1, and node n is 2n plus 2n + 1. Whatever the order in which nodes
 * come, the bits are the same: which two are added is what counts, and an f32 addition of two finite values does not care which is first.
 */
export interface TreeSum {
  /** Added at once or copied: the caller keeps it. Each node once, and none above or below another that was inserted. */
  insert(node: number, addend: Addend): void;
  /** The whole sum, which may be written to, until `reset`; null while a node is missing. */
  root(): Float32Array | null;
  /** The same, and it is the caller's from then on: the pool does not get it back. */
  takeRoot(): Float32Array | null;
  /** Forgets every node; their vectors go to the pool. */
  reset(): void;
}

/** Holds a vector for each node that waits for its sibling: at most log2(leaves) when they come in leaf order, half of the leaves in any other. */
export function createTreeSum(kernels: Pick<Kernels, 'add'>, pool: VectorPool): TreeSum {
  const waiting = new Map<number, Float32Array>();

  const addTo = (y: Float32Array, addend: Addend): void => {
    if (typeof addend === 'function') addend(y, true);
    else kernels.add(y, addend ?? pool.zeros());
  };
  const copyOf = (addend: Addend): Float32Array => {
    const y = pool.take();
    if (typeof addend === 'function') addend(y, false);
    else if (addend === null) y.fill(0);
    else y.set(addend);
    return y;
  };

  return {
    insert(node, addend) {
      let at = node;
      let sum: Float32Array | null = null;
      // Climbs as long as the sibling is there already; its vector takes the sum.
      while (at > 1) {
        const sibling = waiting.get(at ^ 1);
        if (sibling === undefined) break;
        waiting.delete(at ^ 1);
        addTo(sibling, sum ?? addend);
        if (sum !== null) pool.give(sum);
        sum = sibling;
        at >>>= 1;
      }
      waiting.set(at, sum ?? copyOf(addend));
    },
    root: () => waiting.get(1) ?? null,
    takeRoot() {
      const root = waiting.get(1) ?? null;
      waiting.delete(1);
      return root;
    },
    reset() {
      for (const vector of waiting.values()) pool.give(vector);
      waiting.clear();
    },
  };
}
