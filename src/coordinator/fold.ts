import { type Addend, createTreeSum, type Kernels, type VectorPool } from '../engine/index.js';
import { isLeft, parentOf, siblingOf } from '../protocol/index.js';
import { decodeInto, type EncodedValues } from './arrived-gradient.js';

/** What a node came to, apart from its gradient. */
export interface Sums {
  samples: number;
  /** Nats, f64, added in tree order. */
  lossSum: number;
  correct: number;
}

export const noSums: Sums = { samples: 0, lossSum: 0, correct: 0 };

/** Two siblings into their parent, or two passes into their total. */
export function addSums(left: Sums, right: Sums): Sums {
  return {
    samples: left.samples + right.samples,
    lossSum: left.lossSum + right.lossSum,
    correct: left.correct + right.correct,
  };
}

/** A node into its tree; climbs as long as the sibling is there already. */
function insertSums(waiting: Map<number, Sums>, node: number, sums: Sums): void {
  let at = node;
  let total = sums;
  while (at > 1) {
    const sibling = waiting.get(siblingOf(at));
    if (sibling === undefined) break;
    waiting.delete(siblingOf(at));
    total = isLeft(at) ? addSums(total, sibling) : addSums(sibling, total);
    at = parentOf(at);
  }
  waiting.set(at, total);
}

/** The sum over a step, in tree order: whatever the order of arrival, node = left + right, so the bits are always the same. */
export interface TreeFold {
  /** The node's gradient is added at once or copied: the caller keeps it. Null for a node without samples, or in validation. */
  insert(node: number, gradient: Float32Array | EncodedValues | null, sums: Sums): void;
  /** The root, once every block is in; null before. Its gradient may be written to, and is valid until `reset`. */
  root(): { gradient: Float32Array; sums: Sums } | null;
  /** Ready for the next step; the buffers go back to the pool. */
  reset(): void;
}

/** @param pool of whole gradients */
export function createTreeFold(kernels: Kernels, pool: VectorPool): TreeFold {
  const gradients = createTreeSum(kernels, pool);
  const waiting = new Map<number, Sums>();
  const addendOf = (gradient: Float32Array | EncodedValues | null): Addend =>
    gradient === null || gradient instanceof Float32Array
      ? gradient
      : (y, add) => decodeInto(y, gradient, add, kernels);
  return {
    insert(node, gradient, sums) {
      gradients.insert(node, addendOf(gradient));
      insertSums(waiting, node, sums);
    },
    root() {
      const gradient = gradients.root();
      const sums = waiting.get(1);
      return gradient === null || sums === undefined ? null : { gradient, sums };
    },
    reset() {
      gradients.reset();
      waiting.clear();
    },
  };
}

/** The sums of a validation: every pass in tree order, then the passes in theirs. */
export interface EvaluationFold {
  insert(pass: number, node: number, sums: Sums, confusion: Uint32Array): void;
  /** Over all passes; null while a block is missing. confusion[truth][guess] */
  total(): { sums: Sums; confusion: Uint32Array } | null;
}

export function createEvaluationFold(passes: number, classes: number): EvaluationFold {
  const trees = Array.from({ length: passes }, () => new Map<number, Sums>());
  const confusion = new Uint32Array(classes * classes);
  return {
    insert(pass, node, sums, counts) {
      const tree = trees[pass - 1];
      if (tree === undefined) throw new RangeError(`Expected a pass from 1 to ${passes}, got ${pass}.`);
      insertSums(tree, node, sums);
      for (let i = 0; i < counts.length; i++) confusion[i] += counts[i];
    },
    total() {
      let sums = noSums;
      for (const tree of trees) {
        const root = tree.get(1);
        if (root === undefined) return null;
        sums = addSums(sums, root);
      }
      return { sums, confusion };
    },
  };
}
