import type { BatchNormDims } from '../kernels.js';

/** x[C,area,16] → statistics[2C]: mean, then (biased) variance of each channel over the first `lanes` lanes */
export function batchNormStatistics(
  statistics: Float32Array,
  x: Float32Array,
  lanes: number,
  dims: BatchNormDims,
): void {
  const { channels, area } = dims;
  const count = area * lanes;
  for (let c = 0; c < channels; c++) {
    const end = (c + 1) * area * 16;
    let sum = 0;
    for (let at = c * area * 16; at < end; at += 16) {
      for (let i = at; i < at + lanes; i++) sum += x[i];
    }
    const mean = sum / count;
    let squares = 0;
    for (let at = c * area * 16; at < end; at += 16) {
      for (let i = at; i < at + lanes; i++) squares += (x[i] - mean) * (x[i] - mean);
    }
    statistics[c] = mean;
    statistics[channels + c] = squares / count;
  }
}

/** x[C,area,16], w[C], b[C], statistics[2C]: means, inverse deviations → y = (x − mean)·inverse·w + b */
export function batchNormForward(
  y: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
  statistics: Float32Array,
  dims: BatchNormDims,
): void {
  const { channels, area } = dims;
  for (let c = 0; c < channels; c++) {
    const mean = statistics[c];
    const slope = w[c] * statistics[channels + c];
    const shift = b[c];
    const end = (c + 1) * area * 16;
    for (let i = c * area * 16; i < end; i++) y[i] = (x[i] - mean) * slope + shift;
  }
}

/** x, dy[C,area,16], statistics[2C] → dw[C] += Σ dy·x̂, db[C] += Σ dy with x̂ = (x − mean)·inverse; sums[2C]: Σ dy, then Σ dy·x̂ */
export function batchNormBackwardParameters(
  dw: Float32Array,
  db: Float32Array,
  sums: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  statistics: Float32Array,
  lanes: number,
  dims: BatchNormDims,
): void {
  const { channels, area } = dims;
  for (let c = 0; c < channels; c++) {
    const mean = statistics[c];
    const end = (c + 1) * area * 16;
    let slope = 0;
    let product = 0;
    for (let at = c * area * 16; at < end; at += 16) {
      for (let i = at; i < at + lanes; i++) {
        slope += dy[i];
        product += dy[i] * (x[i] - mean);
      }
    }
    product *= statistics[channels + c];
    sums[c] = slope;
    sums[channels + c] = product;
    db[c] = db[c] + slope;
    dw[c] = dw[c] + product;
  }
}

/**
 * … and sums[2C], over area × lanes = n values → dx = w·inverse · (dy − Σdy/n − x̂·Σ(dy·x̂)/n), 0 in the other lanes. Ioffe, Szegedy,
 * "Batch Normalization", 2015, section 3.
 */
export function batchNormBackwardInput(
  dx: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  w: Float32Array,
  statistics: Float32Array,
  sums: Float32Array,
  lanes: number,
  dims: BatchNormDims,
): void {
  const { channels, area } = dims;
  const count = area * lanes;
  for (let c = 0; c < channels; c++) {
    const mean = statistics[c];
    const inverse = statistics[channels + c];
    const less = sums[c] / count;
    const tilt = (inverse * sums[channels + c]) / count;
    const factor = w[c] * inverse;
    const end = (c + 1) * area * 16;
    for (let at = c * area * 16; at < end; at += 16) {
      for (let i = at; i < at + lanes; i++) dx[i] = (dy[i] - less - (x[i] - mean) * tilt) * factor;
      for (let i = at + lanes; i < at + 16; i++) dx[i] = 0;
    }
  }
}
