import type { DepthwiseDims } from '../kernels.js';

/** x[C,H,W,16], w[C,K,K], b[C] → y[C,OH,OW,16]; each sum over ky, kx, from the bias on */
export function depthwiseForward(
  y: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
  dims: DepthwiseDims,
): void {
  const { channels, height, width, kernel, stride, padding, outHeight, outWidth } = dims;
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride - padding;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padding;
        for (let lane = 0; lane < 16; lane++, out++) {
          let sum = b[c];
          for (let ky = Math.max(0, -top); ky < kernel && top + ky < height; ky++) {
            const row = ((c * height + top + ky) * width + left) * 16 + lane;
            for (let kx = Math.max(0, -left); kx < kernel && left + kx < width; kx++) {
              sum += w[(c * kernel + ky) * kernel + kx] * x[row + kx * 16];
            }
          }
          y[out] = sum;
        }
      }
    }
  }
}

/** dy[C,OH,OW,16], w[C,K,K] → dx[C,H,W,16]; each sum over ky, kx */
export function depthwiseBackwardInput(
  dx: Float32Array,
  dy: Float32Array,
  w: Float32Array,
  dims: DepthwiseDims,
): void {
  const { channels, height, width, kernel, stride, padding, outHeight, outWidth } = dims;
  /** The output that sees input `at` through tap `k`, or −1. */
  const outputOf = (at: number, k: number, outputs: number): number => {
    const from = at + padding - k;
    const output = from / stride;
    return from % stride === 0 && output >= 0 && output < outputs ? output : -1;
  };
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let iy = 0; iy < height; iy++) {
      for (let ix = 0; ix < width; ix++, out += 16) {
        for (let lane = 0; lane < 16; lane++) {
          let sum = 0;
          for (let ky = 0; ky < kernel; ky++) {
            const oy = outputOf(iy, ky, outHeight);
            if (oy < 0) continue;
            for (let kx = 0; kx < kernel; kx++) {
              const ox = outputOf(ix, kx, outWidth);
              if (ox < 0) continue;
              sum +=
                w[(c * kernel + ky) * kernel + kx] * dy[((c * outHeight + oy) * outWidth + ox) * 16 + lane];
            }
          }
          dx[out + lane] = sum;
        }
      }
    }
  }
}

/** x[C,H,W,16], dy[C,OH,OW,16] → dw[C,K,K] +=, db[C] += */
export function depthwiseBackwardParameters(
  dw: Float32Array,
  db: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  dims: DepthwiseDims,
): void {
  const { channels, height, width, kernel, stride, padding, outHeight, outWidth } = dims;
  const outputs = outHeight * outWidth * 16;
  for (let c = 0; c < channels; c++) {
    let total = 0;
    for (let i = c * outputs; i < (c + 1) * outputs; i++) total += dy[i];
    db[c] = db[c] + total;
    for (let ky = 0; ky < kernel; ky++) {
      for (let kx = 0; kx < kernel; kx++) {
        let sum = 0;
        for (let oy = 0; oy < outHeight; oy++) {
          const iy = oy * stride + ky - padding;
          if (iy < 0 || iy >= height) continue;
          for (let ox = 0; ox < outWidth; ox++) {
            const ix = ox * stride + kx - padding;
            if (ix < 0 || ix >= width) continue;
            const yi = ((c * outHeight + oy) * outWidth + ox) * 16;
            const xi = ((c * height + iy) * width + ix) * 16;
            for (let lane = 0; lane < 16; lane++) sum += dy[yi + lane] * x[xi + lane];
          }
        }
        const at = (c * kernel + ky) * kernel + kx;
        dw[at] = dw[at] + sum;
      }
    }
  }
}
