import { blocksFor, leavesOf } from '../protocol/index.js';

/**
 * The aligned subtrees that a step of `samples` is handed out in, for `threads` compute threads. The same
 * numbers give the same cut.
 * A short step fills the first microshards only, so its tree is cut finer: every thread still gets a block.
 */
export function chooseCut(
  microshards: number,
  microshardSamples: number,
  samples: number,
  threads: number,
): number[] {
  const full = microshards * microshardSamples;
  const wanted = Math.ceil((Math.max(1, threads) * full) / Math.max(1, Math.min(samples, full)));
  return blocksFor(microshards, Math.min(wanted, microshards));
}

/**
 * Threads that share one block of training, of workers with so many threads each: the largest power of two that divides all these numbers, so
 * that none has threads left over. It is the lowest bit that is set in any of them.
 */
export function threadsPerBlock(threadsOfWorkers: readonly number[]): number {
  const bits = threadsOfWorkers.reduce((union, threads) => union | threads, 0);
  return Math.max(1, bits & -bits);
}

/** Where a block's samples lie among the `samples` of its step: `count` from `first` on; 0 in the empty tail. */
export function samplesOfBlock(
  node: number,
  microshards: number,
  microshardSamples: number,
  samples: number,
): { first: number; count: number } {
  const leaves = leavesOf(node, microshards);
  const first = Math.min(leaves.first * microshardSamples, samples);
  const end = Math.min((leaves.first + leaves.count) * microshardSamples, samples);
  return { first, count: end - first };
}
