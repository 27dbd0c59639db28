import type { Kernels } from '../engine/index.js';
import { siblingOf } from '../protocol/index.js';
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

/**
 * The sum over a step, in tree order: whatever the order of arrival, node = left + right, so the bits are always the same
 * (an f32 addition of two finite values does not care which comes first; which two are added is what counts).
 */
export interface TreeFold {
  /** The node's gradient is added at once or copied: the caller keeps it. Null for a node without samples, or in validation. */
  insert(node: number, gradient: Float32Array | EncodedValues | null, sums: Sums): void;
  /** The root, once every block is in; null before. Its gradient may be written to, and is valid until `reset`. */
  root(): { gradient: Float32Array; sums: Sums } | null;
  /** Ready for the next step; the buffers stay. */
  reset(): void;
  /** Gradient buffers made so far: at most one more than half the blocks of the finest cut. */
  readonly buffers: number;
}

export function createTreeFold(kernels: Kernels, parameterCount: number): TreeFold {
  const waiting = new Map<number, { gradient: Float32Array; sums: Sums }>();
  const free: Float32Array[] = [];
  let zeros: Float32Array | null = null;
  let buffers = 0;
  const take = (): Float32Array => {
    const buffer = free.pop();
    if (buffer !== undefined) return buffer;
    buffers += 1;
    return new Float32Array(parameterCount);
  };
  return {
    insert(node, gradient, sums) {
      let at = node;
      let total = sums;
      let arriving = gradient ?? (zeros ??= new Float32Array(parameterCount));
      let owned: Float32Array | null = null;
      // Climb as long as the sibling is there already; its buffer takes the sum.
      while (at > 1) {
        const sibling = waiting.get(siblingOf(at));
        if (sibling === undefined) break;
        waiting.delete(siblingOf(at));
        if (arriving instanceof Float32Array) kernels.add(sibling.gradient, arriving);
        else decodeInto(sibling.gradient, arriving, true, kernels);
        total = at % 2 === 0 ? addSums(total, sibling.sums) : addSums(sibling.sums, total);
        if (owned !== null) free.push(owned);
        owned = sibling.gradient;
        arriving = owned;
        at >>>= 1;
      }
      if (owned === null) {
        owned = take();
        if (arriving instanceof Float32Array) owned.set(arriving);
        else decodeInto(owned, arriving, false, kernels);
      }
      waiting.set(at, { gradient: owned, sums: total });
    },
    root: () => waiting.get(1) ?? null,
    reset() {
      for (const { gradient } of waiting.values()) free.push(gradient);
      waiting.clear();
    },
    get buffers() {
      return buffers;
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
      let at = node;
      let total = sums;
      for (let sibling = tree.get(at ^ 1); at > 1 && sibling !== undefined; sibling = tree.get(at ^ 1)) {
        tree.delete(at ^ 1);
        total = at % 2 === 0 ? addSums(total, sibling) : addSums(sibling, total);
        at >>>= 1;
      }
      tree.set(at, total);
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
