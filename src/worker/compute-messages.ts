import type { GradientEncoding, Mode } from '../protocol/index.js';

/** What a compute thread is opened with: all that stays the same for a whole run. Travels as `workerData`. */
export interface ThreadRecipe {
  modelSpecJson: string;
  manifestJson: string;
  /** Name of the kernels, and the numerics id that they must have. */
  kernels: string;
  numericsId: string;
  microshards: number;
  microshardSamples: number;
  seed: number;
  /** Empty: images stay as they are. */
  augmentationJson: string;
  /** Empty: the plain cross-entropy. */
  lossJson: string;
  /** Empty: leaves of the tree are microshards, else replicas of local SGD. */
  localTrainingJson: string;
  gradientEncoding: GradientEncoding;
  gradientsKept: number;
  /** How many versions older than the newest the weights of a task may be. */
  staleness: number;
  /** Tasks are of any step of their epoch, in any order. */
  newestWeights: boolean;
  /** Of the worker, this one among them. */
  threads: number;
  blockFolder: string;
}

/** What a thread needs for one block of one step. */
export interface ComputeRequest {
  /** Delivery number; the answer carries it. */
  id: number;
  mode: Mode;
  /** Of the coordinator that gave the task. */
  fence: number;
  step: number;
  epoch: number;
  node: number;
  samples: Uint32Array;
  /** Of the block that this thread is expected to compute next, in the same epoch; empty where nothing is known of it. */
  nextSamples: Uint32Array;
  /** Samples per microshard. */
  perMicroshard: number;
  /** f32[parameterCount], read only: other threads read it too. */
  parameters: SharedArrayBuffer;
}

export type ToThread =
  | { type: 'compute'; request: ComputeRequest }
  /** A verified block that is not in the folder that the threads read from. */
  | { type: 'block'; hash: string; bytes: Uint8Array<SharedArrayBuffer> };

export interface BlockSums {
  samples: number;
  /** Nats, f64, summed in tree order. */
  lossSum: number;
  correct: number;
  /** [truth][guess]; empty in training. */
  confusion: Uint32Array<ArrayBuffer>;
  /**
   * f32[parameterCount], summed in tree order; empty in evaluation, and where it is encoded. Valid until the thread is a few steps further
   * (`createGradientBuffers`).
   */
  gradient: Float32Array;
  /** The same in the run's encoding; null in evaluation, and where that is f32. */
  encoded: { encoding: GradientEncoding; bytes: Uint8Array<ArrayBuffer> } | null;
}

export type FromThread =
  | { type: 'open' }
  /** `computeMs`: reading the samples included, and augmenting those that were not made ready before. */
  | { type: 'computed'; id: number; sums: BlockSums; computeMs: number }
  | { type: 'abandoned'; id: number }
  /** A block was here and is gone: somebody emptied the cache. */
  | { type: 'block_missing'; id: number; block: number }
  | { type: 'failed'; id: number; reason: string };

/** The first word of a thread's shared flag holds the id of the request to stop, or this. */
export const nothingAbandoned = -1;
