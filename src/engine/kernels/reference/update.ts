import type { Kernels } from '../kernels.js';

/** What a coordinator does with a summed gradient. One pass each, in doubles, rounded once when stored. */
export type UpdateKernels = Pick<
  Kernels,
  'scale' | 'sumOfSquares' | 'sgdUpdate' | 'adamUpdate' | 'hashLanes'
>;

function scale(y: Float32Array, [factor]: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i] *= factor;
}

function sumOfSquares(sum: Float64Array, x: Float32Array): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = x.length - (x.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += x[i] * x[i];
    s1 += x[i + 1] * x[i + 1];
    s2 += x[i + 2] * x[i + 2];
    s3 += x[i + 3] * x[i + 3];
  }
  for (let i = whole; i < x.length; i++) s0 += x[i] * x[i];
  sum[0] = s0 + s1 + (s2 + s3);
}

function sgdUpdate(
  parameters: Float32Array,
  gradient: Float32Array,
  velocity: Float32Array,
  rule: Float64Array,
): void {
  const [learningRate, momentum, weightDecay, nesterov] = rule;
  const remembers = velocity.length > 0;
  for (let i = 0; i < parameters.length; i++) {
    const p = parameters[i];
    let change = gradient[i] + weightDecay * p;
    if (remembers) {
      const v = momentum * velocity[i] + change;
      velocity[i] = v;
      change = nesterov === 0 ? v : change + momentum * v;
    }
    parameters[i] = p - learningRate * change;
  }
}

function adamUpdate(
  parameters: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  rule: Float64Array,
): void {
  const [stepSize, rootCorrection, keep, penalty, beta1, beta2, epsilon] = rule;
  for (let i = 0; i < parameters.length; i++) {
    const p = parameters[i];
    const g = gradient[i] + penalty * p;
    const m = beta1 * first[i] + (1 - beta1) * g;
    const v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameters[i] = p * keep - (stepSize * m) / (Math.sqrt(v) / rootCorrection + epsilon);
  }
}

/** Bits of an f32 exponent: all of them set in infinities and NaN only. */
const exponent = 0x7f80_0000;
const lanesOfHash = 16;

/** The round of xxHash32 (Yann Collet): lane ← rotate(lane + word·P2, 13)·P1 */
function hashLanes(lanes: Int32Array, x: Float32Array): void {
  const words = new Int32Array(x.buffer, x.byteOffset, x.length);
  let lane = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if ((word & exponent) === exponent) lanes[lanesOfHash] = 1;
    const sum = (lanes[lane] + Math.imul(word, 0x85eb_ca77)) | 0;
    lanes[lane] = Math.imul((sum << 13) | (sum >>> 19), 0x9e37_79b1);
    lane = (lane + 1) % lanesOfHash;
  }
}

export const updates: UpdateKernels = { scale, sumOfSquares, sgdUpdate, adamUpdate, hashLanes };
