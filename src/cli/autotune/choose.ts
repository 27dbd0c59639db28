import { LANES } from '../../engine/index.js';

/** What a short measurement at the start says of this machine, and of the way to the workers. */
export interface Pace {
  /** Milliseconds that one thread computes on one training image. */
  imageMs: number;
  /** Milliseconds of a step that no worker computes in: the sum, the optimizer, parameters and gradients on their way. */
  idleMs: number;
  /** Threads that compute at once. */
  threads: number;
}

export interface Sizes {
  /** Samples per step. */
  batch: number;
  /** Parts of a batch that are computed apart. */
  microshards: number;
}

/** `auto`: to be chosen here. */
export type WantedSizes = { [K in keyof Sizes]: Sizes[K] | 'auto' };

export interface ChosenSizes extends Sizes {
  /** The share of a step that no worker computes in, as far as the measurement can tell: 0 to 1. */
  idleShare: number;
}

/** Small batches need fewer epochs to learn as much; beyond the largest, a step gains little. */
const batches = [64, 128, 256, 512, 1024];
/** Room for workers that join later, where the batch has it. */
const usualMicroshards = 8;
/** As much of a step may be spent on other things than computing before a larger batch is taken. */
const bearableShare = 0.25;

/**
 * The smallest batch of which a step is spent on computing for the most part, and as many microshards as there are threads, or eight. What is
 * given is kept.
 */
export function chooseSizes(wanted: WantedSizes, pace: Pace): ChosenSizes {
  const { imageMs, idleMs, threads } = pace;
  const idleShare = (batch: number): number => idleMs / (idleMs + (batch * imageMs) / threads);
  const needed = wanted.microshards === 'auto' ? LANES : wanted.microshards * LANES;
  const candidates = wanted.batch === 'auto' ? batchesOf(needed) : [wanted.batch];
  const batch =
    candidates.find((one) => idleShare(one) <= bearableShare) ?? candidates[candidates.length - 1];
  const microshards = wanted.microshards === 'auto' ? microshardsFor(batch, threads) : wanted.microshards;
  return { batch, microshards, idleShare: idleShare(batch) };
}

/** Those that can be cut into parts of `unit` samples; the smallest that can where all usual ones are too small. */
function batchesOf(unit: number): number[] {
  const fitting = batches.filter((batch) => batch % unit === 0);
  return fitting.length > 0 ? fitting : [unit];
}

/** A power of two, as the batch can be cut into: one for each thread, or the usual number if that is more. */
function microshardsFor(batch: number, threads: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(threads, usualMicroshards)));
  let microshards = 1;
  while (microshards < wanted && batch % (2 * microshards * LANES) === 0) microshards *= 2;
  return microshards;
}
