import { chooseCut, threadsPerBlock } from '../../coordinator/index.js';
import { LANES } from '../../engine/index.js';

/** What a short measurement at the start says of this machine, and of the way to the workers. Milliseconds. */
export interface Pace {
  /** That one thread computes on one training image. */
  imageMs: number;
  /** For adding one gradient to another. */
  addMs: number;
  /** For one update by the optimizer. */
  updateMs: number;
  /** That a message of a whole gradient, or of the parameters, is on its way; 0 where nothing travels. */
  messageMs: number;
}

/** Those that will compute, as far as is known at the start. */
export interface Cluster {
  /** Each sends the sum of what its threads have computed. */
  workers: number;
  threadsPerWorker: number;
  /** A step is the whole batch on one thread, and others compute other steps meanwhile. */
  asynchronous: boolean;
}

export interface Sizes {
  /** Samples per step. */
  batch: number;
  /** Parts of a batch that are computed apart. */
  microshards: number;
}

/** `auto`: to be chosen here. */
export type WantedSizes = { [K in keyof Sizes]: Sizes[K] | 'auto' };

/** A step as it is reckoned with. */
export interface ReckonedStep {
  /** That are sent to the coordinator. */
  gradients: number;
  /** The share of the threads' time that is not spent on computing: 0 to 1. Of threads that have a part of the batch at all. */
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
export function chooseSizes(wanted: WantedSizes, pace: Pace, cluster: Cluster): Sizes & ReckonedStep {
  const threads = cluster.workers * cluster.threadsPerWorker;
  // Threads for which the given microshards are too few idle with any batch.
  const usable =
    wanted.microshards === 'auto' || cluster.asynchronous ? threads : Math.min(threads, wanted.microshards);
  const candidates =
    wanted.batch === 'auto'
      ? batchesOf(wanted.microshards === 'auto' ? LANES : wanted.microshards * LANES)
      : [wanted.batch];
  const reckoned = candidates.map((batch) => {
    const microshards = wanted.microshards === 'auto' ? microshardsFor(batch, threads) : wanted.microshards;
    const sizes = { batch, microshards };
    return { ...sizes, ...reckonStep(sizes, pace, cluster, usable) };
  });
  return reckoned.find(({ idleShare }) => idleShare <= bearableShare) ?? reckoned[reckoned.length - 1];
}

/**
 * The parameters go out at once; the gradients come to one coordinator, one for each block that a step is cut into, and each worker has added up
 * those of the threads that share a block. Computing is divided among the threads as far as there are microshards.
 */
function reckonStep(
  { batch, microshards }: Sizes,
  { imageMs, addMs, updateMs, messageMs }: Pace,
  { workers, threadsPerWorker, asynchronous }: Cluster,
  usable: number,
): ReckonedStep {
  const sharing = asynchronous ? 1 : threadsPerBlock([threadsPerWorker]);
  const blocks = (workers * threadsPerWorker) / sharing;
  const gradients = asynchronous ? 1 : chooseCut(microshards, batch / microshards, batch, blocks).length;
  const busy = asynchronous ? usable : Math.min(usable, microshards);
  const idleMs = updateMs + (sharing - 1 + gradients) * addMs + (1 + gradients) * messageMs;
  const stepMs = (batch * imageMs) / busy + idleMs;
  return { gradients, idleShare: 1 - (batch * imageMs) / usable / stepMs };
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
