import type { Plane } from './planes.js';

/** A rectangle of the source in pixels: pixel i covers [i, i + 1). It may reach beyond the image. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What each of `length` output pixels is made of: `count` source pixels from `first[i]` on, which may lie outside of the source. */
interface Taps {
  first: Int32Array;
  count: number;
  /** [length][count], each row sums to one over source and surroundings. */
  weights: Float64Array;
}

/**
 * Resamples `box` to width × height. Shrinking averages over the area that a pixel covers; enlarging interpolates smoothly: both
 * are the cubic B-spline of Mitchell and Netravali's family ("Reconstruction filters in computer graphics", 1988, with
 * B = C = ⅓), stretched to the pixel when shrinking.
 *
 * @param outside what lies beyond the image: `empty` is 0, `edge` repeats its outermost pixels
 */
export function resample(
  source: Plane,
  box: Box,
  width: number,
  height: number,
  outside: 'empty' | 'edge',
): Plane {
  const across = taps(box.left, box.width, width);
  const columns = places(across, source.width, outside);
  const down = taps(box.top, box.height, height);
  // Rows of the source that any output row needs, resampled across first.
  const firstRow = down.first[0];
  const rows = down.first[height - 1] + down.count - firstRow;
  const strips = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const y = place(firstRow + row, source.height, outside);
    if (y < 0) continue;
    const at = y * source.width;
    for (let x = 0, tap = 0; x < width; x++) {
      let sum = 0;
      for (const end = tap + across.count; tap < end; tap++) {
        sum += across.weights[tap] * source.values[at + columns[tap]];
      }
      strips[row * width + x] = sum;
    }
  }
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const offset = down.first[y] - firstRow;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let tap = 0; tap < down.count; tap++) {
        sum += down.weights[y * down.count + tap] * strips[(offset + tap) * width + x];
      }
      values[y * width + x] = sum;
    }
  }
  return { width, height, values };
}

/** [length][count]: where each tap reads. A tap where nothing is loses its weight and reads anywhere. */
function places({ first, count, weights }: Taps, length: number, outside: 'empty' | 'edge'): Int32Array {
  const indices = new Int32Array(weights.length);
  for (let tap = 0; tap < weights.length; tap++) {
    const index = place(first[Math.floor(tap / count)] + (tap % count), length, outside);
    if (index < 0) weights[tap] = 0;
    indices[tap] = Math.max(0, index);
  }
  return indices;
}

/** Index in the source, or −1 where nothing is. */
function place(index: number, length: number, outside: 'empty' | 'edge'): number {
  if (index >= 0 && index < length) return index;
  if (outside === 'empty') return -1;
  return index < 0 ? 0 : length - 1;
}

function taps(start: number, extent: number, length: number): Taps {
  const scale = extent / length;
  const stretch = Math.max(1, scale);
  const count = Math.ceil(4 * stretch) + 1;
  const first = new Int32Array(length);
  const weights = new Float64Array(length * count);
  for (let i = 0; i < length; i++) {
    const centre = start + (i + 0.5) * scale;
    first[i] = Math.floor(centre - 2 * stretch);
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = mitchell((first[i] + tap + 0.5 - centre) / stretch);
      weights[i * count + tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < count; tap++) weights[i * count + tap] /= total;
  }
  return { first, count, weights };
}

function mitchell(distance: number): number {
  const d = Math.abs(distance);
  if (d >= 2) return 0;
  if (d >= 1) return (-7 / 18) * d * d * d + 2 * d * d - (10 / 3) * d + 16 / 9;
  return (7 / 6) * d * d * d - 2 * d * d + 8 / 9;
}
