import type { Conv2dDims } from '../kernels.js';

// The tile is what V8 computes fastest: four lanes by three filters (or channels), twelve f64 accumulators that stay in
// registers, seven loads for twelve multiply-adds. A last tile that is not full computes its last filter again and stores
// the same value twice, which is cheaper than a second loop. `bench/engine.mjs` measures it.

/**
 * x[C,H,W,16], w[F,C,K,K], b[F] → y[F,OH,OW,16]
 *
 * Each sum runs over c, ky, kx in this order, from the bias on.
 */
export function conv2dForward(
  y: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
  dims: Conv2dDims,
): void {
  const { channels, height, width, filters, kernel, stride, padding, outHeight, outWidth } = dims;
  const plane = outHeight * outWidth * 16;
  const taps = channels * kernel * kernel;
  for (let f = 0; f < filters; f += 3) {
    const f1 = f + 1 < filters ? f + 1 : f;
    const f2 = f + 2 < filters ? f + 2 : f1;
    const row0 = f * taps;
    const to1 = (f1 - f) * taps;
    const to2 = (f2 - f) * taps;
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride - padding;
      const kyFirst = top < 0 ? -top : 0;
      const kyEnd = top + kernel > height ? height - top : kernel;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padding;
        const kxFirst = left < 0 ? -left : 0;
        const kxEnd = left + kernel > width ? width - left : kernel;
        const out = (oy * outWidth + ox) * 16;
        for (let lane = 0; lane < 16; lane += 4) {
          let p0 = b[f];
          let p1 = p0;
          let p2 = p0;
          let p3 = p0;
          let q0 = b[f1];
          let q1 = q0;
          let q2 = q0;
          let q3 = q0;
          let r0 = b[f2];
          let r1 = r0;
          let r2 = r0;
          let r3 = r0;
          for (let c = 0; c < channels; c++) {
            for (let ky = kyFirst; ky < kyEnd; ky++) {
              let wi = row0 + (c * kernel + ky) * kernel + kxFirst;
              let xi = ((c * height + top + ky) * width + left + kxFirst) * 16 + lane;
              for (let kx = kxFirst; kx < kxEnd; kx++, wi++, xi += 16) {
                const wp = w[wi];
                const wq = w[wi + to1];
                const wr = w[wi + to2];
                let v = x[xi];
                p0 += wp * v;
                q0 += wq * v;
                r0 += wr * v;
                v = x[xi + 1];
                p1 += wp * v;
                q1 += wq * v;
                r1 += wr * v;
                v = x[xi + 2];
                p2 += wp * v;
                q2 += wq * v;
                r2 += wr * v;
                v = x[xi + 3];
                p3 += wp * v;
                q3 += wq * v;
                r3 += wr * v;
              }
            }
          }
          let yi = f * plane + out + lane;
          y[yi] = p0;
          y[yi + 1] = p1;
          y[yi + 2] = p2;
          y[yi + 3] = p3;
          yi = f1 * plane + out + lane;
          y[yi] = q0;
          y[yi + 1] = q1;
          y[yi + 2] = q2;
          y[yi + 3] = q3;
          yi = f2 * plane + out + lane;
          y[yi] = r0;
          y[yi + 1] = r1;
          y[yi + 2] = r2;
          y[yi + 3] = r3;
        }
      }
    }
  }
}

/**
 * dy[F,OH,OW,16], w[F,C,K,K] → dx[C,H,W,16]
 *
 * Gathers: the outputs that saw a pixel are those with oy·stride + ky = iy + padding, so ky steps by the stride while oy
 * falls by one. Each sum runs over f, ky, kx in this order.
 */
export function conv2dBackwardInput(
  dx: Float32Array,
  dy: Float32Array,
  w: Float32Array,
  dims: Conv2dDims,
): void {
  const { channels, height, width, filters, kernel, stride, padding, outHeight, outWidth } = dims;
  const area = kernel * kernel;
  const plane = height * width * 16;
  for (let c = 0; c < channels; c += 3) {
    const c1 = c + 1 < channels ? c + 1 : c;
    const c2 = c + 2 < channels ? c + 2 : c1;
    const to1 = (c1 - c) * area;
    const to2 = (c2 - c) * area;
    for (let iy = 0; iy < height; iy++) {
      const kyFirst = firstTap(iy + padding, outHeight, stride);
      const kyEnd = iy + padding < kernel ? iy + padding + 1 : kernel;
      const oyFirst = (iy + padding - kyFirst) / stride;
      for (let ix = 0; ix < width; ix++) {
        const kxFirst = firstTap(ix + padding, outWidth, stride);
        const kxEnd = ix + padding < kernel ? ix + padding + 1 : kernel;
        const oxFirst = (ix + padding - kxFirst) / stride;
        const out = (iy * width + ix) * 16;
        for (let lane = 0; lane < 16; lane += 4) {
          let p0 = 0;
          let p1 = 0;
          let p2 = 0;
          let p3 = 0;
          let q0 = 0;
          let q1 = 0;
          let q2 = 0;
          let q3 = 0;
          let r0 = 0;
          let r1 = 0;
          let r2 = 0;
          let r3 = 0;
          for (let f = 0; f < filters; f++) {
            let oy = oyFirst;
            for (let ky = kyFirst; ky < kyEnd; ky += stride, oy--) {
              let wi = (f * channels + c) * area + ky * kernel + kxFirst;
              let yi = ((f * outHeight + oy) * outWidth + oxFirst) * 16 + lane;
              for (let kx = kxFirst; kx < kxEnd; kx += stride, wi += stride, yi -= 16) {
                const wp = w[wi];
                const wq = w[wi + to1];
                const wr = w[wi + to2];
                let v = dy[yi];
                p0 += wp * v;
                q0 += wq * v;
                r0 += wr * v;
                v = dy[yi + 1];
                p1 += wp * v;
                q1 += wq * v;
                r1 += wr * v;
                v = dy[yi + 2];
                p2 += wp * v;
                q2 += wq * v;
                r2 += wr * v;
                v = dy[yi + 3];
                p3 += wp * v;
                q3 += wq * v;
                r3 += wr * v;
              }
            }
          }
          let xi = c * plane + out + lane;
          dx[xi] = p0;
          dx[xi + 1] = p1;
          dx[xi + 2] = p2;
          dx[xi + 3] = p3;
          xi = c1 * plane + out + lane;
          dx[xi] = q0;
          dx[xi + 1] = q1;
          dx[xi + 2] = q2;
          dx[xi + 3] = q3;
          xi = c2 * plane + out + lane;
          dx[xi] = r0;
          dx[xi + 1] = r1;
          dx[xi + 2] = r2;
          dx[xi + 3] = r3;
        }
      }
    }
  }
}

/** Smallest k ≥ 0 with (at − k) divisible by the stride and (at − k)/stride an output, i.e. below `outputs`. */
function firstTap(at: number, outputs: number, stride: number): number {
  const beyond = at - (outputs - 1) * stride;
  return beyond > 0 ? beyond : at % stride;
}
