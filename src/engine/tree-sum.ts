import type { Kernels } from './kernels/kernels.js';
import type { KeptVector, VectorPool } from './vector-pool.js';

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

/**
 * Keeps a vector for each node that waits for its sibling: at most log2(leaves) when they come in leaf order, half of the leaves in any other.
 * Those that the pool has no room for lie in its store.
 */
export function createTreeSum(kernels: Pick<Kernels, 'add'>, pool: VectorPool): TreeSum {
  const waiting = new Map<number, KeptVector>();
  let root: Float32Array | null = null;

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
        const kept = waiting.get(at ^ 1);
        if (kept === undefined) break;
        waiting.delete(at ^ 1);
        const sibling = pool.fetch(kept);
        addTo(sibling, sum ?? addend);
        if (sum !== null) pool.give(sum);
        sum = sibling;
        at >>>= 1;
      }
      sum ??= copyOf(addend);
      if (at === 1) root = sum;
      else waiting.set(at, pool.keep(sum));
    },
    root: () => root,
    takeRoot() {
      const taken = root;
      root = null;
      return taken;
    },
    reset() {
      for (const kept of waiting.values()) pool.drop(kept);
      waiting.clear();
      if (root !== null) pool.give(root);
      root = null;
    },
  };
}
