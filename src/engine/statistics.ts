import type { ParameterTensor } from './parameter-tensor.js';

/** Running mean and variance of a layer's channels: parts of the flat vector that are measured, not learnt. */
export interface RunningStatistics {
  mean: ParameterTensor;
  variance: ParameterTensor;
  /** How far a step moves them, 0 to 1. */
  momentum: number;
  /** Values of each channel in one image. */
  area: number;
}

/**
 * Moves the running statistics by one step's batch, as PyTorch's BatchNorm2d: r ← r + momentum·(that of the batch − r), the variance
 * being the unbiased one. The batch is the whole global batch, whoever computed which part of it: the gradient holds, in the places of
 * mean and variance, the averages over its samples of x − r and of (x − r)², r being the running mean that the parameters hold.
 *
 * @param parameters flat, after the optimizer's step, which has left the statistics alone; they are overwritten
 * @param gradient flat, averaged over the samples
 */
export function updateStatistics(
  statistics: readonly RunningStatistics[],
  parameters: Float32Array,
  gradient: Float32Array,
  samples: number,
): void {
  for (const { mean, variance, momentum, area } of statistics) {
    const count = samples * area;
    const unbiased = count > 1 ? count / (count - 1) : 1;
    for (let c = 0; c < mean.length; c++) {
      const off = gradient[mean.offset + c];
      const batchVariance = Math.max(0, gradient[variance.offset + c] - off * off) * unbiased;
      const before = parameters[variance.offset + c];
      parameters[mean.offset + c] += momentum * off;
      parameters[variance.offset + c] = before + momentum * (batchVariance - before);
    }
  }
}

/**
 * Running statistics of replicas that trained apart: each place becomes their mean, without momentum. No variance comes out below 0,
 * which rounding could else bring about.
 *
 * @param parameters flat; the statistics are overwritten
 * @param difference flat: how far the replicas have moved down from `parameters`, averaged over them
 */
export function averageStatistics(
  statistics: readonly RunningStatistics[],
  parameters: Float32Array,
  difference: Float32Array,
): void {
  for (const { mean, variance } of statistics) {
    for (let c = 0; c < mean.length; c++) {
      parameters[mean.offset + c] -= difference[mean.offset + c];
      const after = parameters[variance.offset + c] - difference[variance.offset + c];
      parameters[variance.offset + c] = Number.isNaN(after) ? after : Math.max(0, after);
    }
  }
}
