import { exp, log } from '../../math.js';

/** x[classes,16] logits → y[classes,16] probabilities: e^(x − max) / Σ e^(x − max) */
export function softmaxForward(y: Float32Array, x: Float32Array, classes: number): void {
  const end = classes * 16;
  for (let lane = 0; lane < 16; lane++) {
    const most = largest(x, lane, end);
    const sum = sumOfExp(x, lane, end, most);
    for (let i = lane; i < end; i += 16) y[i] = exp(x[i] - most) / sum;
  }
}

/** x[classes,16] logits, labels[16] → losses[16]: ln Σ e^(x − max) − (x[label] − max), in nats */
export function crossEntropyForward(
  losses: Float64Array,
  x: Float32Array,
  labels: Uint8Array,
  lanes: number,
  classes: number,
): void {
  const end = classes * 16;
  losses.fill(0);
  for (let lane = 0; lane < lanes; lane++) {
    const most = largest(x, lane, end);
    const truth = labels[lane] * 16 + lane;
    losses[lane] = log(sumOfExp(x, lane, end, most)) - (x[truth] - most);
  }
}

/** y[classes,16] probabilities, labels[16] → dx[classes,16] = y − [class = label]; lanes ≥ `lanes` get 0 */
export function crossEntropyBackward(
  dx: Float32Array,
  y: Float32Array,
  labels: Uint8Array,
  lanes: number,
  classes: number,
): void {
  dx.fill(0);
  for (let lane = 0; lane < lanes; lane++) {
    const label = labels[lane];
    for (let k = 0; k < classes; k++) {
      const i = k * 16 + lane;
      dx[i] = y[i] - (k === label ? 1 : 0);
    }
  }
}

/** The same with targets[classes,classes]: Σₖ t[k]·(ln Σ e^(x − max) − (xₖ − max)), t being the label's row */
export function softCrossEntropyForward(
  losses: Float64Array,
  x: Float32Array,
  labels: Uint8Array,
  targets: Float64Array,
  lanes: number,
  classes: number,
): void {
  const end = classes * 16;
  losses.fill(0);
  for (let lane = 0; lane < lanes; lane++) {
    const most = largest(x, lane, end);
    const logSum = log(sumOfExp(x, lane, end, most));
    const row = labels[lane] * classes;
    let loss = 0;
    for (let k = 0; k < classes; k++) loss += targets[row + k] * (logSum - (x[k * 16 + lane] - most));
    losses[lane] = loss;
  }
}

/** dx[classes,16] = y·Σ t − t; lanes ≥ `lanes` get 0 */
export function softCrossEntropyBackward(
  dx: Float32Array,
  y: Float32Array,
  labels: Uint8Array,
  targets: Float64Array,
  lanes: number,
  classes: number,
): void {
  dx.fill(0);
  for (let lane = 0; lane < lanes; lane++) {
    const row = labels[lane] * classes;
    let mass = 0;
    for (let k = 0; k < classes; k++) mass += targets[row + k];
    for (let k = 0; k < classes; k++) {
      const i = k * 16 + lane;
      dx[i] = mass * y[i] - targets[row + k];
    }
  }
}

function largest(x: Float32Array, lane: number, end: number): number {
  let most = x[lane];
  for (let i = lane + 16; i < end; i += 16) {
    const v = x[i];
    if (v > most) most = v;
  }
  return most;
}

function sumOfExp(x: Float32Array, lane: number, end: number, most: number): number {
  let sum = 0;
  for (let i = lane; i < end; i += 16) sum += exp(x[i] - most);
  return sum;
}
