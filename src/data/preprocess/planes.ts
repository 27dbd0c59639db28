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
  return Array.from({ length: channels }, (_, channel) => {
    const values = floats(width * height);
    if (factor === 1) {
      for (let i = 0, from = channel; i < values.length; i++, from += channels) values[i] = pixels[from];
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

export function copy({ width, height, values }: Plane): Plane {
  const copied = floats(values.length);
  copied.set(values);
  return { width, height, values: copied };
}

/** Σ weights[c] · planes[c]. */
export function blend(planes: readonly Plane[], weights: readonly number[]): Plane {
  if (planes.length === 1) return copy(planes[0]);
  const [{ width, height, values: red }, ...others] = planes;
  // Written out: a loop over the channels inside of this one takes four times as long.
  const [green, blue] = others.map(({ values }) => values);
  const [redWeight, greenWeight, blueWeight] = weights;
  const values = floats(red.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = redWeight * red[i] + greenWeight * green[i] + blueWeight * blue[i];
  }
  return { width, height, values };
}

/** How many values lie in each of 256 steps of one: bin = round(v), cut to 0…255. */
export function histogram(values: Float32Array): Uint32Array {
  const bins = new Uint32Array(256);
  // Neighbours mostly fall into the same bin, and would wait for one another: every other value is counted apart.
  const odd = new Uint32Array(256);
  const pairs = values.length - (values.length % 2);
  for (let i = 0; i < pairs; i += 2) {
    bins[binOf(values[i])] += 1;
    odd[binOf(values[i + 1])] += 1;
  }
  if (pairs < values.length) bins[binOf(values[pairs])] += 1;
  for (let bin = 0; bin < bins.length; bin++) bins[bin] += odd[bin];
  return bins;
}

/** round(value), cut to 0…255. */
function binOf(value: number): number {
  // Truncation is rounding down but for negative numbers, which are cut anyway; Math.round takes twice as long.
  const bin = (value + 0.5) | 0;
  return bin < 0 ? 0 : bin > 255 ? 255 : bin;
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
