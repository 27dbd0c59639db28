import type { RawImage } from '../types.js';
import { floats } from './scratch.js';

/** One channel of an image: `values` is [height][width], any unit its maker says. */
export interface Plane {
  width: number;
  height: number;
  values: Float32Array;
}

/** All channels of an image: `values` is [height][width][channels]. */
export interface Raster {
  width: number;
  height: number;
  channels: 1 | 3;
  values: Float32Array;
}

/**
 * Longest side that is analysed. A scan of 180 pixels stays as it is; a photograph is averaged down first, which costs no detail
 * that a 32-pixel sample could show, and keeps memory and time per image bounded.
 */
const longestSide = 320;

/** The image as numbers of 0…255, averaged down by a whole factor if it is very large. */
export function toRaster(image: RawImage): Raster {
  const { channels, pixels } = image;
  const factor = Math.ceil(Math.max(image.width, image.height) / longestSide);
  const width = Math.ceil(image.width / factor);
  const height = Math.ceil(image.height / factor);
  const values = floats(width * height * channels);
  if (factor === 1) {
    values.set(pixels);
    return { width, height, channels, values };
  }
  for (let y = 0; y < height; y++) {
    const lastRow = Math.min((y + 1) * factor, image.height);
    for (let x = 0; x < width; x++) {
      const lastColumn = Math.min((x + 1) * factor, image.width);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let count = 0;
        for (let row = y * factor; row < lastRow; row++) {
          for (let column = x * factor; column < lastColumn; column++) {
            sum += pixels[(row * image.width + column) * channels + channel];
            count += 1;
          }
        }
        values[(y * width + x) * channels + channel] = sum / count;
      }
    }
  }
  return { width, height, channels, values };
}

/** 255 − v, in place. */
export function invert({ values }: Raster): void {
  for (let i = 0; i < values.length; i++) values[i] = 255 - values[i];
}

/** One plane per channel. */
export function separate({ width, height, channels, values: from }: Raster): Plane[] {
  return Array.from({ length: channels }, (_, channel) => {
    const values = floats(width * height);
    for (let i = 0; i < values.length; i++) values[i] = from[i * channels + channel];
    return { width, height, values };
  });
}

/** Σ weights[c] · channel c. A single channel stays as it is. */
export function blend({ width, height, channels, values: from }: Raster, weights: readonly number[]): Plane {
  const values = floats(width * height);
  if (channels === 1) {
    values.set(from);
    return { width, height, values };
  }
  const [red, green, blue] = weights;
  for (let i = 0; i < values.length; i++) {
    values[i] = red * from[3 * i] + green * from[3 * i + 1] + blue * from[3 * i + 2];
  }
  return { width, height, values };
}

/**
 * How many values lie in each of 256 steps of one: bin = round(v). Counted are values[first], values[first + step], …
 *
 * @param values 0…255
 */
export function histogram(values: Float32Array, first = 0, step = 1): Int32Array {
  const bins = new Int32Array(256);
  // Neighbours mostly fall into the same bin, and would wait for one another: every other value is counted apart.
  const odd = new Int32Array(256);
  let i = first;
  for (; i + step < values.length; i += 2 * step) {
    // Rounding, for what is not negative; Math.round takes twice as long.
    bins[(values[i] + 0.5) | 0] += 1;
    odd[(values[i + step] + 0.5) | 0] += 1;
  }
  if (i < values.length) bins[(values[i] + 0.5) | 0] += 1;
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
