import type { Contour } from './fonts.js';

/** One byte per pixel, 0 or 1, [height][width]. */
export interface Bitmap {
  width: number;
  height: number;
  bits: Uint8Array;
}

/**
 * Fills contours by the non-zero rule, one sample at each pixel's centre.
 * Contours are in pixels already and have to leave a border of one empty pixel.
 */
export function fillContours(contours: readonly Contour[], width: number, height: number): Bitmap {
  const bits = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const y = row + 0.5;
    const crossings: { x: number; turn: number }[] = [];
    for (const contour of contours) {
      let [ax, ay] = contour[contour.length - 1];
      for (const [bx, by] of contour) {
        if (ay <= y !== by <= y) {
          crossings.push({ x: ax + ((y - ay) / (by - ay)) * (bx - ax), turn: by > ay ? 1 : -1 });
        }
        ax = bx;
        ay = by;
      }
    }
    crossings.sort((a, b) => a.x - b.x);
    let winding = 0;
    for (let i = 0; i + 1 < crossings.length; i++) {
      const from = crossings[i];
      const to = crossings[i + 1];
      winding += from.turn;
      if (winding === 0) continue;
      const first = Math.max(0, Math.ceil(from.x - 0.5));
      const last = Math.min(width - 1, Math.ceil(to.x - 0.5) - 1);
      for (let x = first; x <= last; x++) bits[row * width + x] = 1;
    }
  }
  return { width, height, bits };
}

/** Distance in pixels from each set pixel to the nearest clear one (chamfer 1, √2; two passes), 0 where clear. */
export function distanceToEdge(bitmap: Bitmap): Float64Array {
  const { width, height, bits } = bitmap;
  const distance = new Float64Array(width * height);
  const diagonal = Math.SQRT2;
  for (let i = 0; i < distance.length; i++) distance[i] = bits[i] ? 1e9 : 0;
  const relax = (i: number, j: number, step: number) => {
    const d = distance[j] + step;
    if (d < distance[i]) distance[i] = d;
  };
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      relax(i, i - 1, 1);
      relax(i, i - width, 1);
      relax(i, i - width - 1, diagonal);
      relax(i, i - width + 1, diagonal);
    }
  }
  for (let y = height - 2; y > 0; y--) {
    for (let x = width - 2; x > 0; x--) {
      const i = y * width + x;
      relax(i, i + 1, 1);
      relax(i, i + width, 1);
      relax(i, i + width + 1, diagonal);
      relax(i, i + width - 1, diagonal);
    }
  }
  return distance;
}

/**
 * Thins to lines one pixel wide that keep the shape's connections and holes.
 * T. Y. Zhang, C. Y. Suen: A fast parallel algorithm for thinning digital patterns, CACM 27(3), 1984.
 */
export function thin(bitmap: Bitmap): Bitmap {
  const { width, height } = bitmap;
  const bits = bitmap.bits.slice();
  const around = [-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1];
  const doomed: number[] = [];
  let changed = true;
  while (changed) {
    changed = false;
    for (const pass of [0, 1]) {
      doomed.length = 0;
      for (let y = 1; y < height - 1; y++) {
        for (let x = 1; x < width - 1; x++) {
          const i = y * width + x;
          if (!bits[i]) continue;
          const n = bits[i - width];
          const e = bits[i + 1];
          const s = bits[i + width];
          const w = bits[i - 1];
          let set = 0;
          let rises = 0;
          for (let k = 0; k < 8; k++) {
            const here = bits[i + around[k]];
            set += here;
            if (here === 0 && bits[i + around[(k + 1) % 8]] === 1) rises++;
          }
          if (set < 2 || set > 6 || rises !== 1) continue;
          const open = pass === 0 ? n * e * s === 0 && e * s * w === 0 : n * e * w === 0 && n * s * w === 0;
          if (open) doomed.push(i);
        }
      }
      for (const i of doomed) bits[i] = 0;
      if (doomed.length > 0) changed = true;
    }
  }
  return { width, height, bits };
}
