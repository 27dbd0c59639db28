import type { Kernels } from './kernels/kernels.js';
import type { Model } from './model.js';

/** Images as bytes and their classes. Both arrays may be longer than `count` asks for. */
export interface Batch {
  /** [count][channels][height][width] */
  pixels: Uint8Array;
  /** [count], each below the model's classes */
  labels: Uint8Array;
  count: number;
}

/** How a byte becomes a number: x = (u8/255 − mean)/std. */
export interface InputScaling {
  /** Channels of the bytes; one is given to every channel of the model's input. */
  channels: 1 | 3;
  mean: number;
  std: number;
}

/** What a batch came to. */
export interface Tally {
  samples: number;
  /** Cross-entropy summed over the samples in their order, in nats. */
  lossSum: number;
  correct: number;
  /** [truth][guess], classes² counts */
  confusion: Uint32Array;
}

/** What fixes the dropout masks of one microshard. */
export interface DropoutKey {
  seed: number;
  step: number;
  microshard: number;
}

export interface Plan {
  /** Samples, a multiple of 16; a batch may hold 0 to capacity. */
  readonly capacity: number;
  /** gradient[parameterCount] ← the gradient of the loss SUM over the samples (overwritten). */
  gradient(parameters: Float32Array, batch: Batch, key: DropoutKey, gradient: Float32Array): Tally;
  /** Loss and guesses with dropout off. */
  evaluate(parameters: Float32Array, batch: Batch): Tally;
  /** pixels[count][channels][height][width] → probabilities[count][classes], dropout off. */
  predict(parameters: Float32Array, pixels: Uint8Array, count: number, probabilities: Float32Array): void;
}

export interface PlanOptions {
  capacity: number;
  scaling: InputScaling;
}

export declare function createPlan(model: Model, kernels: Kernels, options: PlanOptions): Plan;
