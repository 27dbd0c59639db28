import { exp, tanh } from '../../math.js';
import type { Activation, PackDims } from '../kernels.js';

/** pixels[·][pixelChannels][area] u8, table[256] → x[channels][area][16] */
export function packPixels(
  x: Float32Array,
  pixels: Uint8Array,
  first: number,
  lanes: number,
  table: Float32Array,
  dims: PackDims,
): void {
  const { pixelChannels, channels, area } = dims;
  const sampleBytes = pixelChannels * area;
  if (lanes < 16) x.fill(0);
  for (let c = 0; c < channels; c++) {
    const plane = pixelChannels === 1 ? 0 : c * area;
    for (let lane = 0; lane < lanes; lane++) {
      const from = (first + lane) * sampleBytes + plane;
      let xi = c * area * 16 + lane;
      for (let i = from; i < from + area; i++, xi += 16) {
        x[xi] = table[pixels[i]];
      }
    }
  }
}

/** x[n] → y[n] */
export function activationForward(y: Float32Array, x: Float32Array, activation: Activation): void {
  const n = x.length;
  switch (activation.type) {
    case 'relu':
      for (let i = 0; i < n; i++) y[i] = Math.max(x[i], 0);
      return;
    case 'leaky_relu': {
      const { slope } = activation;
      for (let i = 0; i < n; i++) {
        const v = x[i];
        y[i] = v > 0 ? v : slope * v;
      }
      return;
    }
    case 'tanh':
      for (let i = 0; i < n; i++) y[i] = tanh(x[i]);
      return;
    case 'sigmoid':
      for (let i = 0; i < n; i++) y[i] = logistic(x[i]);
      return;
    default:
      assertNever(activation);
  }
}

/** dy[n], y[n] → dx[n]: relu' = [y > 0], tanh' = 1 − y², sigmoid' = y·(1 − y) */
export function activationBackward(
  dx: Float32Array,
  dy: Float32Array,
  y: Float32Array,
  activation: Activation,
): void {
  const n = y.length;
  switch (activation.type) {
    case 'relu':
      for (let i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
      return;
    case 'leaky_relu': {
      const { slope } = activation;
      for (let i = 0; i < n; i++) {
        const d = dy[i];
        dx[i] = y[i] > 0 ? d : slope * d;
      }
      return;
    }
    case 'tanh':
      for (let i = 0; i < n; i++) {
        const v = y[i];
        dx[i] = dy[i] * (1 - v * v);
      }
      return;
    case 'sigmoid':
      for (let i = 0; i < n; i++) {
        const v = y[i];
        dx[i] = dy[i] * (v * (1 - v));
      }
      return;
    default:
      assertNever(activation);
  }
}

/** 1/(1 + e^−v), with the exponent never positive, so nothing overflows. */
function logistic(v: number): number {
  if (v >= 0) return 1 / (1 + exp(-v));
  const e = exp(v);
  return e / (1 + e);
}

/** x[n] · m[n] → y[n] */
export function multiply(y: Float32Array, x: Float32Array, m: Float32Array): void {
  const n = x.length;
  for (let i = 0; i < n; i++) y[i] = x[i] * m[i];
}

/** y[n] += x[n] */
export function add(y: Float32Array, x: Float32Array): void {
  const n = x.length;
  for (let i = 0; i < n; i++) y[i] = y[i] + x[i];
}

function assertNever(activation: never): never {
  throw new TypeError(`no such activation: ${JSON.stringify(activation)}`);
}
