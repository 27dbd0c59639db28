import type { Plane } from './planes.js';
import { floats, releasing } from './scratch.js';

/**
 * Grey closing with a square: every dark feature narrower than the square in some direction is filled with the paper around it.
 * What remains is the paper, with its gradients and shadow edges; unlike a fitted surface it knows nothing of their shape.
 *
 * A square is a row, then a column. Only rows are ever worked on, where memory lies in order: for the columns the image is turned over.
 *
 * @param reach the square is 2 · reach + 1 wide
 * @returns a plane that is nowhere below the original
 */
export function closing(plane: Plane, reach: number): Plane {
  const { width, height } = plane;
  const values = floats(width * height);
  releasing(() => {
    const other = floats(width * height);
    spread(other, plane.values, width, reach, 1);
    transpose(values, other, width, height);
    // The smallest values are the largest of the negated ones.
    spread(other, values, height, reach, -1);
    spread(values, other, height, reach, 1);
    transpose(other, values, height, width);
    spread(values, other, width, reach, -1);
  });
  return { width, height, values };
}

/**
 * In every row of `width`: y ← sign · the largest of x within `reach` in both directions; windows are cut at the ends.
 *
 * Three comparisons per pixel, however large the window (van Herk 1992, Gil and Werman 1993): a row is divided into blocks as long as a
 * window, so that each window is the end of one block and the beginning of the next.
 */
function spread(y: Float32Array, x: Float32Array, width: number, reach: number, sign: 1 | -1): void {
  const block = 2 * reach + 1;
  const lastBlock = (Math.ceil(width / block) - 1) * block;
  // The largest from here to the end of the block; `prefix` is the largest from its beginning to here.
  const suffix = new Float32Array(width);
  for (let at = 0; at < x.length; at += width) {
    // Clean paper has many equal rows, and so has any paper once its largest values were spread over the columns.
    if (at > 0 && repeats(x, at, width)) {
      y.copyWithin(at, at - width, at);
      continue;
    }
    for (let start = 0; start < width; start += block) {
      suffixes(suffix, x, at, start, Math.min(width, start + block));
    }

    let prefix = Number.NEGATIVE_INFINITY;
    // Windows that begin with the row, as far as they lie in the first block: nothing comes before it.
    const firstEnd = Math.min(width, block);
    for (let last = 0; last < firstEnd; last++) {
      const value = x[at + last];
      if (value > prefix) prefix = value;
      if (last >= reach) y[at + last - reach] = sign * prefix;
    }
    for (let start = block; start < width; start += block) {
      prefix = Number.NEGATIVE_INFINITY;
      const end = Math.min(width, start + block);
      for (let last = start; last < end; last++) {
        const value = x[at + last];
        if (value > prefix) prefix = value;
        const before = suffix[last - 2 * reach];
        y[at + last - reach] = sign * (before > prefix ? before : prefix);
      }
    }
    // Windows that reach beyond the end of the row.
    for (let middle = Math.max(0, width - reach); middle < width; middle++) {
      const first = Math.max(0, middle - reach);
      const before = suffix[first];
      y[at + middle] = sign * (first >= lastBlock || before > prefix ? before : prefix);
    }
  }
}

/** Whether the row at `at` equals the one before. */
function repeats(x: Float32Array, at: number, width: number): boolean {
  let i = at;
  const end = at + width;
  while (i < end && x[i] === x[i - width]) i++;
  return i === end;
}

/** suffix[i] ← the largest of x[at + i] … x[at + end − 1], for every i from `start`. */
function suffixes(suffix: Float32Array, x: Float32Array, at: number, start: number, end: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = end - 1; i >= start; i--) {
    const value = x[at + i];
    if (value > largest) largest = value;
    suffix[i] = largest;
  }
}

/** y[width][height] ← x[height][width], in tiles: both sides stay in the nearest cache. */
function transpose(y: Float32Array, x: Float32Array, width: number, height: number): void {
  const tile = 16;
  for (let top = 0; top < height; top += tile) {
    const bottom = Math.min(height, top + tile);
    for (let left = 0; left < width; left += tile) {
      const right = Math.min(width, left + tile);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) y[column * height + row] = x[row * width + column];
      }
    }
  }
}
