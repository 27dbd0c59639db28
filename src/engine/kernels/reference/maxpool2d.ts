import type { Pool2dDims } from '../kernels.js';

/** x[C,H,W,16] → y[C,OH,OW,16], argmax[C,OH,OW,16] (row·size + column in the window; the first of equals) */
export function maxPool2dForward(
  y: Float32Array,
  argmax: Uint8Array,
  x: Float32Array,
  dims: Pool2dDims,
): void {
  const { channels, height, width, size, stride, outHeight, outWidth } = dims;
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((c * height + oy * stride) * width + ox * stride) * 16;
        for (let lane = 0; lane < 16; lane++, out++) {
          let best = x[corner + lane];
          let winner = 0;
          let tap = 0;
          for (let ky = 0; ky < size; ky++) {
            let xi = corner + ky * width * 16 + lane;
            for (let kx = 0; kx < size; kx++, tap++, xi += 16) {
              const v = x[xi];
              if (v > best) {
                best = v;
                winner = tap;
              }
            }
          }
          y[out] = best;
          argmax[out] = winner;
        }
      }
    }
  }
}

/** dy[C,OH,OW,16], argmax[C,OH,OW,16] → dx[C,H,W,16]; windows that overlap add up in reading order */
export function maxPool2dBackward(
  dx: Float32Array,
  dy: Float32Array,
  argmax: Uint8Array,
  dims: Pool2dDims,
): void {
  const { channels, height, width, size, stride, outHeight, outWidth } = dims;
  dx.fill(0);
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((c * height + oy * stride) * width + ox * stride) * 16;
        for (let lane = 0; lane < 16; lane++, out++) {
          const tap = argmax[out];
          const ky = (tap / size) | 0;
          const xi = corner + (ky * width + tap - ky * size) * 16 + lane;
          dx[xi] = dx[xi] + dy[out];
        }
      }
    }
  }
}
