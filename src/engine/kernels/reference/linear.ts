import type { LinearDims } from '../kernels.js';

// The tiles of conv2d.ts, for one position.

/**
 * x[I,16], w[U,I], b[U] → y[U,16]
 *
 * Each sum runs over i, from the bias on.
 */
export function linearForward(
  y: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
  dims: LinearDims,
): void {
  const { inputs, units } = dims;
  for (let u = 0; u < units; u += 3) {
    const u1 = u + 1 < units ? u + 1 : u;
    const u2 = u + 2 < units ? u + 2 : u1;
    const to1 = (u1 - u) * inputs;
    const to2 = (u2 - u) * inputs;
    const end = (u + 1) * inputs;
    for (let lane = 0; lane < 16; lane += 4) {
      let p0 = b[u];
      let p1 = p0;
      let p2 = p0;
      let p3 = p0;
      let q0 = b[u1];
      let q1 = q0;
      let q2 = q0;
      let q3 = q0;
      let r0 = b[u2];
      let r1 = r0;
      let r2 = r0;
      let r3 = r0;
      let xi = lane;
      for (let wi = u * inputs; wi < end; wi++, xi += 16) {
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
      let yi = u * 16 + lane;
      y[yi] = p0;
      y[yi + 1] = p1;
      y[yi + 2] = p2;
      y[yi + 3] = p3;
      yi = u1 * 16 + lane;
      y[yi] = q0;
      y[yi + 1] = q1;
      y[yi + 2] = q2;
      y[yi + 3] = q3;
      yi = u2 * 16 + lane;
      y[yi] = r0;
      y[yi + 1] = r1;
      y[yi + 2] = r2;
      y[yi + 3] = r3;
    }
  }
}

/**
 * dy[U,16], w[U,I] → dx[I,16]
 *
 * Each sum runs over u.
 */
export function linearBackwardInput(
  dx: Float32Array,
  dy: Float32Array,
  w: Float32Array,
  dims: LinearDims,
): void {
  const { inputs, units } = dims;
  const end = units * 16;
  for (let i = 0; i < inputs; i += 3) {
    const i1 = i + 1 < inputs ? i + 1 : i;
    const i2 = i + 2 < inputs ? i + 2 : i1;
    const to1 = i1 - i;
    const to2 = i2 - i;
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
      let wi = i;
      for (let yi = lane; yi < end; yi += 16, wi += inputs) {
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
      let xi = i * 16 + lane;
      dx[xi] = p0;
      dx[xi + 1] = p1;
      dx[xi + 2] = p2;
      dx[xi + 3] = p3;
      xi = i1 * 16 + lane;
      dx[xi] = q0;
      dx[xi + 1] = q1;
      dx[xi + 2] = q2;
      dx[xi + 3] = q3;
      xi = i2 * 16 + lane;
      dx[xi] = r0;
      dx[xi + 1] = r1;
      dx[xi + 2] = r2;
      dx[xi + 3] = r3;
    }
  }
}

/**
 * x[I,16], dy[U,16] → dw[U,I] +=, db[U] +=
 *
 * Four units at a time over every input; the lanes are summed in order.
 */
export function linearBackwardParameters(
  dw: Float32Array,
  db: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  dims: LinearDims,
): void {
  const { inputs, units } = dims;
  for (let u = 0; u < units; u++) {
    let sum = 0;
    for (let lane = 0; lane < 16; lane++) sum += dy[u * 16 + lane];
    db[u] = db[u] + sum;
  }
  for (let u = 0; u < units; u += 4) {
    const left = units - u;
    const y1 = left > 1 ? 16 : 0;
    const y2 = left > 2 ? 32 : y1;
    const y3 = left > 3 ? 48 : y2;
    for (let i = 0; i < inputs; i += 2) {
      const next = i + 1 < inputs ? 16 : 0;
      let a0 = 0;
      let a1 = 0;
      let b0 = 0;
      let b1 = 0;
      let c0 = 0;
      let c1 = 0;
      let d0 = 0;
      let d1 = 0;
      let yi = u * 16;
      let xi = i * 16;
      for (const end = yi + 16; yi < end; yi++, xi++) {
        const v0 = x[xi];
        const v1 = x[xi + next];
        let d = dy[yi];
        a0 += d * v0;
        a1 += d * v1;
        d = dy[yi + y1];
        b0 += d * v0;
        b1 += d * v1;
        d = dy[yi + y2];
        c0 += d * v0;
        c1 += d * v1;
        d = dy[yi + y3];
        d0 += d * v0;
        d1 += d * v1;
      }
      const pair = next > 0;
      addPair(dw, u * inputs + i, pair, a0, a1);
      if (left > 1) addPair(dw, (u + 1) * inputs + i, pair, b0, b1);
      if (left > 2) addPair(dw, (u + 2) * inputs + i, pair, c0, c1);
      if (left > 3) addPair(dw, (u + 3) * inputs + i, pair, d0, d1);
    }
  }
}

function addPair(dw: Float32Array, at: number, pair: boolean, first: number, second: number): void {
  dw[at] = dw[at] + first;
  if (pair) dw[at + 1] = dw[at + 1] + second;
}
