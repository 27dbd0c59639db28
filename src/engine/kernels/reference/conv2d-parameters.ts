import type { Conv2dDims } from '../kernels.js';

/**
 * x[C,H,W,16], dy[F,OH,OW,16] → dw[F,C,K,K] +=, db[F] +=
 *
 * Each sum runs over oy, ox, lane in this order, whatever tile computes it.
 */
export function conv2dBackwardParameters(
  dw: Float32Array,
  db: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  dims: Conv2dDims,
): void {
  const { channels, filters, kernel, padding } = dims;
  biasGradient(db, dy, filters, dims.outHeight * dims.outWidth * 16);
  const area = kernel * kernel;
  if (padding === 0) {
    // Every tap sees every output: any four taps make a tile.
    const taps = channels * area;
    for (let f = 0; f < filters; f += 3) {
      for (let tap = 0; tap < taps; tap += 4) tile(dw, x, dy, dims, f, tap, 1, taps - 1);
    }
    return;
  }
  // Taps differ in the outputs they see, except the same tap of other channels.
  for (let f = 0; f < filters; f += 3) {
    for (let tap = 0; tap < area; tap++) {
      const last = (channels - 1) * area + tap;
      for (let c = 0; c < channels; c += 4) tile(dw, x, dy, dims, f, c * area + tap, area, last);
    }
  }
}

/** Three filters from `f` by four taps from `tap` in steps of `tapStep`, none past `lastTap` (taps count c, ky, kx). */
function tile(
  dw: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  dims: Conv2dDims,
  f: number,
  tap: number,
  tapStep: number,
  lastTap: number,
): void {
  const { channels, height, width, filters, kernel, stride, padding, outHeight, outWidth } = dims;
  const area = kernel * kernel;
  const taps = channels * area;
  const plane = outHeight * outWidth * 16;
  const f1 = f + 1 < filters ? f + 1 : f;
  const f2 = f + 2 < filters ? f + 2 : f1;
  const to1 = (f1 - f) * plane;
  const to2 = (f2 - f) * plane;
  const t1 = Math.min(tap + tapStep, lastTap);
  const t2 = Math.min(tap + 2 * tapStep, lastTap);
  const t3 = Math.min(tap + 3 * tapStep, lastTap);
  const origin = tapOffset(tap, height, width, kernel);
  const x1 = tapOffset(t1, height, width, kernel) - origin;
  const x2 = tapOffset(t2, height, width, kernel) - origin;
  const x3 = tapOffset(t3, height, width, kernel) - origin;
  const ky = Math.floor((tap % area) / kernel);
  const kx = tap % kernel;
  const oyFirst = firstOutput(ky, padding, stride);
  const oxFirst = firstOutput(kx, padding, stride);
  const oyEnd = padding === 0 ? outHeight : endOutput(ky, padding, stride, height, outHeight);
  const oxEnd = padding === 0 ? outWidth : endOutput(kx, padding, stride, width, outWidth);
  const step = stride * 16 - 16;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  let c0 = 0;
  let c1 = 0;
  let c2 = 0;
  let c3 = 0;
  for (let oy = oyFirst; oy < oyEnd; oy++) {
    let yi = ((f * outHeight + oy) * outWidth + oxFirst) * 16;
    let xi = ((oy * stride - padding) * width + oxFirst * stride - padding) * 16 + origin;
    for (let ox = oxFirst; ox < oxEnd; ox++, xi += step) {
      for (const end = yi + 16; yi < end; yi++, xi++) {
        const dp = dy[yi];
        const dq = dy[yi + to1];
        const dr = dy[yi + to2];
        let v = x[xi];
        a0 += dp * v;
        b0 += dq * v;
        c0 += dr * v;
        v = x[xi + x1];
        a1 += dp * v;
        b1 += dq * v;
        c1 += dr * v;
        v = x[xi + x2];
        a2 += dp * v;
        b2 += dq * v;
        c2 += dr * v;
        v = x[xi + x3];
        a3 += dp * v;
        b3 += dq * v;
        c3 += dr * v;
      }
    }
  }
  // A tile's spare places repeat its last filter or tap: add those once.
  const filled = 1 + (t1 > tap ? 1 : 0) + (t2 > t1 ? 1 : 0) + (t3 > t2 ? 1 : 0);
  addTaps(dw, f * taps, tap, t1, t2, t3, filled, a0, a1, a2, a3);
  if (f1 > f) addTaps(dw, f1 * taps, tap, t1, t2, t3, filled, b0, b1, b2, b3);
  if (f2 > f1) addTaps(dw, f2 * taps, tap, t1, t2, t3, filled, c0, c1, c2, c3);
}

function addTaps(
  dw: Float32Array,
  row: number,
  t0: number,
  t1: number,
  t2: number,
  t3: number,
  filled: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
): void {
  dw[row + t0] = dw[row + t0] + a0;
  if (filled > 1) dw[row + t1] = dw[row + t1] + a1;
  if (filled > 2) dw[row + t2] = dw[row + t2] + a2;
  if (filled > 3) dw[row + t3] = dw[row + t3] + a3;
}

/** Where in x[C,H,W,16] the tap (c·K + ky)·K + kx of output 0,0 looks, before padding. */
function tapOffset(tap: number, height: number, width: number, kernel: number): number {
  const kx = tap % kernel;
  const ky = Math.floor(tap / kernel) % kernel;
  const c = Math.floor(tap / (kernel * kernel));
  return ((c * height + ky) * width + kx) * 16;
}

/** First output whose tap k is on the image. */
function firstOutput(k: number, padding: number, stride: number): number {
  return k >= padding ? 0 : Math.ceil((padding - k) / stride);
}

/** One past the last output whose tap k is on the image. */
function endOutput(k: number, padding: number, stride: number, extent: number, outputs: number): number {
  return Math.max(0, Math.min(outputs, Math.floor((extent - 1 + padding - k) / stride) + 1));
}

/** dy[F,plane] → db[F] += */
function biasGradient(db: Float32Array, dy: Float32Array, filters: number, plane: number): void {
  for (let f = 0; f < filters; f++) {
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    const end = (f + 1) * plane;
    for (let i = f * plane; i < end; i += 4) {
      a0 += dy[i];
      a1 += dy[i + 1];
      a2 += dy[i + 2];
      a3 += dy[i + 3];
    }
    db[f] = db[f] + (a0 + a1 + (a2 + a3));
  }
}
