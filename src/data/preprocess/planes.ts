import type { RawImage } from '../types.js';
import { floats } from './scratch.js';

/** One channel of an image: `values` is [height][width], any unit its maker says. */
export interface Plane {
  width: number;
  height: number;
  values: Float32Array;
}

/**
 * Longest side that is analysed. A scan of 180 pixels stays as it is; a photograph is averaged down first, which costs no detail
 * that a 32-pixel sample could show, and keeps memory and time per image bounded.
 */
const longestSide = 320;

/** The channels of an image as planes of 0…255, averaged down by a whole factor if it is very large. */
export function toPlanes(image: RawImage): Plane[] {
  const { channels, pixels } = image;
  const factor = Math.ceil(Math.max(image.width, image.height) / longestSide);
  const width = Math.ceil(image.width / factor);
  const height = Math.ceil(image.height / factor);
  const planes = Array.from({ length: channels }, () => ({ width, height, values: floats(width * height) }));
  if (factor === 1) {
    separate(planes, pixels);
    return planes;
  }
  for (const [channel, { values }] of planes.entries()) {
    for (let y = 0; y < height; y++) {
      const lastRow = Math.min((y + 1) * factor, image.height);
      for (let x = 0; x < width; x++) {
        const lastColumn = Math.min((x + 1) * factor, image.width);
        let sum = 0;
        let count = 0;
        for (let row = y * factor; row < lastRow; row++) {
          for (let column = x * factor; column < lastColumn; column++) {
            sum += pixels[(row * image.width + column) * channels + channel];
            count += 1;
          }
        }
        values[y * width + x] = sum / count;
      }
    }
  }
  return planes;
}

/** planes[c][i] ← pixels[i][c] */
function separate(planes: readonly Plane[], pixels: Uint8Array): void {
  const [red, green, blue] = planes.map(({ values }) => values);
  if (planes.length === 1) {
    red.set(pixels);
    return;
  }
  for (let i = 0, from = 0; i < red.length; i++, from += 3) {
    red[i] = pixels[from];
    green[i] = pixels[from + 1];
    blue[i] = pixels[from + 2];
  }
}

/** 255 − v, in place. */
export function invert(plane: Plane): void {
  const { values } = plane;
  for (let i = 0; i < values.length; i++) values[i] = 255 - values[i];
}

export function copy({ width, height, values }: Plane): Plane {
  const copied = floats(values.length);
  copied.set(values);
  return { width, height, values: copied };
}

/** Σ weights[c] · planes[c]. */
export function blend(planes: readonly Plane[], weights: readonly number[]): Plane {
  if (planes.length === 1) return copy(planes[0]);
  const { width, height } = planes[0];
  // Written out: a loop over the channels inside of this one takes four times as long.
  const [red, green, blue] = planes.map(({ values }) => values);
  const [redWeight, greenWeight, blueWeight] = weights;
  const values = floats(red.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = redWeight * red[i] + greenWeight * green[i] + blueWeight * blue[i];
  }
  return { width, height, values };
}

/** How many values lie in each of 256 steps of one: bin = round(v). @param values 0…255 */
export function histogram(values: Float32Array): Int32Array {
  const bins = new Int32Array(256);
  // Neighbours mostly fall into the same bin, and would wait for one another: every other value is counted apart.
  const odd = new Int32Array(256);
  const pairs = values.length - (values.length % 2);
  for (let i = 0; i < pairs; i += 2) {
    // Rounding, for what is not negative; Math.round takes twice as long.
    bins[(values[i] + 0.5) | 0] += 1;
    odd[(values[i + 1] + 0.5) | 0] += 1;
  }
  if (pairs < values.length) bins[(values[pairs] + 0.5) | 0] += 1;
  for (let bin = 0; bin < bins.length; bin++) bins[bin] += odd[bin];
  return bins;
}

/** Smallest bin that has at least `rank` values at or below it. */
export function binOfRank(bins: Int32Array, rank: number): number {
  let seen = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    seen += bins[bin];
    if (seen >= rank) return bin;
  }
  return bins.length - 1;
}
