import type { AveragePool2dDims } from '../kernels.js';

/** x[C,H,W,16] → y[C,OH,OW,16], the mean of each window */
export function averagePool2dForward(y: Float32Array, x: Float32Array, dims: AveragePool2dDims): void {
  const { channels, height, width, windowHeight, windowWidth, stride, outHeight, outWidth } = dims;
  const count = windowHeight * windowWidth;
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((c * height + oy * stride) * width + ox * stride) * 16;
        for (let lane = 0; lane < 16; lane++, out++) {
          let sum = 0;
          for (let ky = 0; ky < windowHeight; ky++) {
            let xi = corner + ky * width * 16 + lane;
            for (let kx = 0; kx < windowWidth; kx++, xi += 16) sum += x[xi];
          }
          y[out] = sum / count;
        }
      }
    }
  }
}

/** dy[C,OH,OW,16] → dx[C,H,W,16]; windows that overlap add up in reading order */
export function averagePool2dBackward(dx: Float32Array, dy: Float32Array, dims: AveragePool2dDims): void {
  const { channels, height, width, windowHeight, windowWidth, stride, outHeight, outWidth } = dims;
  const count = windowHeight * windowWidth;
  dx.fill(0);
  let out = 0;
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((c * height + oy * stride) * width + ox * stride) * 16;
        for (let lane = 0; lane < 16; lane++, out++) {
          const share = dy[out] / count;
          for (let ky = 0; ky < windowHeight; ky++) {
            let xi = corner + ky * width * 16 + lane;
            for (let kx = 0; kx < windowWidth; kx++, xi += 16) dx[xi] = dx[xi] + share;
          }
        }
      }
    }
  }
}
