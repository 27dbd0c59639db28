import type { Random } from '../../engine/index.js';

// Only + − × ÷ and square roots here and in everything that draws: they give the same bits on every machine, which the
// standard library's sine and exponential need not.

/** Roughly normal: mean 0, standard deviation 1, never beyond ±3.5. */
export function bell(random: Random): number {
  return (random.float() + random.float() + random.float() + random.float() - 2) * 1.7320508;
}

export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random.float();
}

export function chance(random: Random, probability: number): boolean {
  return random.float() < probability;
}

/** Weights of the four control values around a point at t ∈ [0,1) of a uniform cubic B-spline. */
function splineWeights(t: number): [number, number, number, number] {
  const u = 1 - t;
  return [
    (u * u * u) / 6,
    (3 * t * t * t - 6 * t * t + 4) / 6,
    (3 * u * u * u - 6 * u * u + 4) / 6,
    (t * t * t) / 6,
  ];
}

/** A smooth random function over [0,1], about ±1, with `cells` bumps. Outside it stays at its ends. */
export function smoothCurve(random: Random, cells: number): (t: number) => number {
  const controls = Array.from({ length: cells + 3 }, () => bell(random));
  return (t) => {
    const at = Math.min(Math.max(t, 0), 0.999999) * cells;
    const i = Math.floor(at);
    const w = splineWeights(at - i);
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += w[k] * controls[i + k];
    return 1.4 * sum;
  };
}

/** A smooth random function over the unit square, about ±1. */
export function smoothSurface(random: Random, cells: number): (x: number, y: number) => number {
  const side = cells + 3;
  const controls = Float64Array.from({ length: side * side }, () => bell(random));
  return (x, y) => {
    const atX = Math.min(Math.max(x, 0), 0.999999) * cells;
    const atY = Math.min(Math.max(y, 0), 0.999999) * cells;
    const i = Math.floor(atX);
    const j = Math.floor(atY);
    const wx = splineWeights(atX - i);
    const wy = splineWeights(atY - j);
    let sum = 0;
    for (let r = 0; r < 4; r++) {
      const row = (j + r) * side + i;
      let line = 0;
      for (let c = 0; c < 4; c++) line += wx[c] * controls[row + c];
      sum += wy[r] * line;
    }
    return 1.8 * sum;
  };
}

/** The same kind of surface sampled at every pixel: added to `into` times `amplitude`. into: [height][width]. */
export function addSurface(
  into: Float32Array,
  width: number,
  height: number,
  random: Random,
  cells: number,
  amplitude: number,
): void {
  const side = cells + 3;
  const controls = Float64Array.from({ length: side * side }, () => bell(random));
  const first = new Int32Array(width);
  const weights = new Float64Array(4 * width);
  for (let x = 0; x < width; x++) {
    const at = ((x + 0.5) / width) * cells;
    first[x] = Math.floor(at);
    weights.set(splineWeights(at - first[x]), 4 * x);
  }
  const line = new Float64Array(side);
  for (let y = 0; y < height; y++) {
    const at = ((y + 0.5) / height) * cells;
    const j = Math.floor(at);
    const w = splineWeights(at - j);
    for (let c = 0; c < side; c++) {
      let sum = 0;
      for (let r = 0; r < 4; r++) sum += w[r] * controls[(j + r) * side + c];
      line[c] = 1.8 * amplitude * sum;
    }
    for (let x = 0; x < width; x++) {
      const i = first[x];
      const k = 4 * x;
      into[y * width + x] +=
        weights[k] * line[i] +
        weights[k + 1] * line[i + 1] +
        weights[k + 2] * line[i + 2] +
        weights[k + 3] * line[i + 3];
    }
  }
}

/** Fine grain: independent per pixel, triangular, −1…1, added times `amplitude`; four pixels for each number drawn. */
export function addGrain(into: Float32Array, random: Random, amplitude: number): void {
  let previous = 128;
  for (let i = 0; i < into.length; i += 4) {
    const bits = random.u32();
    for (let k = 0; k < 4 && i + k < into.length; k++) {
      const byte = (bits >>> (8 * k)) & 255;
      into[i + k] = into[i + k] + (amplitude * (byte + previous - 255)) / 255;
      previous = byte;
    }
  }
}
