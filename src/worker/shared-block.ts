import type { Kernels } from '../engine/index.js';
import { cutSamples, leavesOf } from '../protocol/index.js';
import type { ComputeRequest } from './compute-messages.js';
import type { ComputeOutcome, ComputePool } from './compute-pool.js';

export interface Sharing {
  pool: Pick<ComputePool, 'compute' | 'abandon'>;
  kernels: Pick<Kernels, 'add'>;
  microshards: number;
  /** Milliseconds, only forward. */
  now: () => number;
}

type Computed = Extract<ComputeOutcome, { type: 'computed' }>;

/**
 * A block of training on `width` threads: the subtrees `log2(width)` levels below its node, summed as the tree says. So its bits are those of
 * the block on one thread. The gradient is in the memory of the first part's thread (`createGradientBuffers`).
 *
 * If one part fails, the others are stopped, and its outcome is the whole block's; it comes when every thread is free again.
 *
 * @param width a power of two, at most the leaves below the node
 * @throws RangeError for a node, a width or samples that do not fit
 */
export async function computeShared(
  request: ComputeRequest,
  width: number,
  { pool, kernels, microshards, now }: Sharing,
): Promise<ComputeOutcome> {
  const startedMs = now();
  let cause: ComputeOutcome | null = null;
  const parts: Computed[] = [];
  const compute = async (part: ComputeRequest, index: number): Promise<void> => {
    const outcome = await pool.compute(part);
    if (outcome.type === 'computed') {
      parts[index] = outcome;
    } else if (cause === null) {
      cause = outcome;
      pool.abandon(request.id);
    }
  };
  await Promise.all(partsOf(request, width, microshards).map(compute));
  if (cause !== null) return cause;
  for (let stride = 1; stride < width; stride *= 2)
    for (let left = 0; left < width; left += 2 * stride) add(parts[left], parts[left + stride], kernels);
  const [{ sums, thread }] = parts;
  return { type: 'computed', sums, computeMs: now() - startedMs, thread, threads: width };
}

/** The requests for the subtrees, in leaf order; those of the empty tail of a short step have no samples. */
function partsOf(request: ComputeRequest, width: number, microshards: number): ComputeRequest[] {
  const { node, samples, nextSamples, perMicroshard } = request;
  const { count } = leavesOf(node, microshards);
  if (!Number.isInteger(Math.log2(width)) || width > count)
    throw new RangeError(`Expected a power of two up to ${count} as the number of parts, got ${width}.`);
  const perPart = perMicroshard * (count / width);
  const partOf = (all: Uint32Array): Uint32Array[] =>
    cutSamples(all.length, width, perPart).map((cut) => all.slice(cut.first, cut.first + cut.count));
  const next = partOf(nextSamples);
  return partOf(samples).map((part, i) => ({
    ...request,
    node: node * width + i,
    samples: part,
    nextSamples: next[i],
  }));
}

/** left ← left + right. In training nobody counts who was taken for whom: the confusions are empty. */
function add(left: Computed, right: Computed, kernels: Pick<Kernels, 'add'>): void {
  kernels.add(left.sums.gradient, right.sums.gradient);
  left.sums.samples += right.sums.samples;
  left.sums.lossSum += right.sums.lossSum;
  left.sums.correct += right.sums.correct;
}
