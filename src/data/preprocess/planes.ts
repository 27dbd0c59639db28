import type { RawImage } from '../types.js';

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
  return Array.from({ length: channels }, (_, channel) => {
    const values = new Float32Array(width * height);
    if (factor === 1) {
      for (let i = 0; i < values.length; i++) values[i] = pixels[i * channels + channel];
      return { width, height, values };
    }
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
    return { width, height, values };
  });
}

/** 255 − v, in place. */
export function invert(plane: Plane): void {
  const { values } = plane;
  for (let i = 0; i < values.length; i++) values[i] = 255 - values[i];
}

/** Σ weights[c] · planes[c]. */
export function blend(planes: readonly Plane[], weights: readonly number[]): Plane {
  const [first] = planes;
  if (planes.length === 1) return { ...first, values: first.values.slice() };
  const values = new Float32Array(first.values.length);
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let c = 0; c < planes.length; c++) sum += weights[c] * planes[c].values[i];
    values[i] = sum;
  }
  return { width: first.width, height: first.height, values };
}

/** How many values lie in each of 256 steps of one: bin = round(v), cut to 0…255. */
export function histogram(values: Float32Array): Uint32Array {
  const bins = new Uint32Array(256);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.round(values[i]);
    bins[bin < 0 ? 0 : bin > 255 ? 255 : bin] += 1;
  }
  return bins;
}

/** Smallest bin that has at least `rank` values at or below it. */
export function binOfRank(bins: Uint32Array, rank: number): number {
  let seen = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    seen += bins[bin];
    if (seen >= rank) return bin;
  }
  return bins.length - 1;
}
