import type { TrainingSpec } from './spec.js';

export type Averaging = NonNullable<TrainingSpec['averaging']>;

/**
 * How much of the average stays at update `update` (1 for the first): `decay` in the end, and less before, since the first
 * parameters of a run are not worth keeping: min(decay, (1 + t)/(10 + t)), as in TensorFlow's ExponentialMovingAverage.
 */
export function decayAt({ decay }: Averaging, update: number): number {
  return Math.min(decay, (1 + update) / (10 + update));
}

/**
 * average ← d·average + (1 − d)·parameters. All of the flat vector alike: running statistics of a batch normalisation are
 * averages themselves, and belong to the weights that they were measured with.
 */
export function updateAverage(average: Float32Array, parameters: Float32Array, decay: number): void {
  const share = 1 - decay;
  for (let i = 0; i < average.length; i++) average[i] += share * (parameters[i] - average[i]);
}
