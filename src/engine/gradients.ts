import { type UpdateKernels, updates } from './kernels/reference/update.js';

/** gradient ← gradient · factor: makes a mean of a sum. The kernels change no bit, here and below, only the time. */
export function scaleGradient(
  gradient: Float32Array,
  factor: number,
  kernels: UpdateKernels = updates,
): void {
  kernels.scale(gradient, Float64Array.of(factor));
}

/** √Σ vᵢ² over four interleaved double sums, added in a fixed order: the bits depend on the values alone. */
export function euclideanNorm(values: Float32Array, kernels: UpdateKernels = updates): number {
  const sum = new Float64Array(1);
  kernels.sumOfSquares(sum, values);
  return Math.sqrt(sum[0]);
}

/**
 * Shortens a gradient longer than `maxNorm` to that length, keeping its direction: gradient ← gradient · min(1, maxNorm/(norm +
 * 10⁻⁶)), the formula of PyTorch's `clip_grad_norm_`.
 *
 * @param maxNorm above 0
 * @returns the norm before
 */
export function clipGradientNorm(
  gradient: Float32Array,
  maxNorm: number,
  kernels: UpdateKernels = updates,
): number {
  if (!(maxNorm > 0)) throw new RangeError(`Expected a largest gradient norm above 0, found ${maxNorm}.`);
  const norm = euclideanNorm(gradient, kernels);
  const factor = maxNorm / (norm + 1e-6);
  if (factor < 1) scaleGradient(gradient, factor, kernels);
  return norm;
}

/** Whether no value is NaN or infinite: squares of finite floats stay below 2²⁵⁶, so their double sum is finite exactly then. */
export function allFinite(values: Float32Array, kernels: UpdateKernels = updates): boolean {
  return euclideanNorm(values, kernels) < Number.POSITIVE_INFINITY;
}
