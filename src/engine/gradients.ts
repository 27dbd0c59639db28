/** gradient ← gradient · factor: makes a mean of a sum. */
export function scaleGradient(gradient: Float32Array, factor: number): void {
  for (let i = 0; i < gradient.length; i++) gradient[i] *= factor;
}

/** √Σ vᵢ² over four interleaved double sums, added in a fixed order: the bits depend on the values alone. */
export function euclideanNorm(values: Float32Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += values[i] * values[i];
    s1 += values[i + 1] * values[i + 1];
    s2 += values[i + 2] * values[i + 2];
    s3 += values[i + 3] * values[i + 3];
  }
  for (let i = whole; i < values.length; i++) s0 += values[i] * values[i];
  return Math.sqrt(s0 + s1 + (s2 + s3));
}

/**
 * Shortens a gradient longer than `maxNorm` to that length, keeping its direction: gradient ← gradient · min(1, maxNorm/(norm +
 * 10⁻⁶)), the formula of PyTorch's `clip_grad_norm_`.
 *
 * @param maxNorm above 0
 * @returns the norm before
 */
export function clipGradientNorm(gradient: Float32Array, maxNorm: number): number {
  if (!(maxNorm > 0)) throw new RangeError(`Expected a largest gradient norm above 0, found ${maxNorm}.`);
  const norm = euclideanNorm(gradient);
  const factor = maxNorm / (norm + 1e-6);
  if (factor < 1) scaleGradient(gradient, factor);
  return norm;
}

/** Whether no value is NaN or infinite: squares of finite floats stay below 2²⁵⁶, so their double sum is finite exactly then. */
export function allFinite(values: Float32Array): boolean {
  return euclideanNorm(values) < Number.POSITIVE_INFINITY;
}
