import { closing } from './closing.js';
import { binOfRank, blend, histogram, type Plane } from './planes.js';
import { floats, releasing } from './scratch.js';

/** Contrast below this many of 255 grey steps is no writing: a blank sheet is not blown up into noise. */
const faintestInk = 10;
/** Noise of the paper is cut at this many robust standard deviations. */
const noiseDeviations = 3;
/** … but at this fraction of the ink's darkness at least, and at most. */
const leastFloor = 0.12;
const greatestFloor = 0.4;

/** `grey` is what the digit is found on, `planes` what the sample is made of; without colour both are one. */
export interface Ink {
  grey: Plane;
  planes: Plane[];
}

/**
 * Darkness against the paper: 0 where there is paper, 1 where there is full ink.
 *
 * @param planes channels of one image, dark ink on light paper, 0…255
 * @param colour one plane per channel instead of a single one
 * @param ignored 1 where something lies that is neither paper nor writing
 * @returns null for a blank sheet
 */
export function extractInk(
  planes: readonly Plane[],
  colour: boolean,
  ignored: Uint8Array | null = null,
): Ink | null {
  const weights = releasing(() => inkWeights(planes));
  const grey = darkness(blend(planes, weights), ignored);
  const levels = inkLevels(grey);
  if (levels === null) return null;
  if (!colour) {
    stretch(grey, levels);
    return { grey, planes: [grey] };
  }
  // One pair of levels for all channels: the hue of the ink stays.
  const separate = planes.map((plane) => {
    const dark = darkness(plane, ignored);
    stretch(dark, levels);
    return dark;
  });
  stretch(grey, levels);
  return { grey, planes: separate };
}

/** Paper minus image. The paper is a closing whose square is half the image: no stroke of a digit is as fat as that. */
function darkness(plane: Plane, ignored: Uint8Array | null): Plane {
  const paper = closing(plane, Math.ceil(Math.max(plane.width, plane.height) / 4));
  const { values } = paper;
  for (let i = 0; i < values.length; i++) values[i] -= plane.values[i];
  if (ignored !== null) for (let i = 0; i < values.length; i++) if (ignored[i] === 1) values[i] = 0;
  return paper;
}

/**
 * How much each channel says about the ink, summing to one: its mean distance between paper (the median) and the darkest pixels.
 * Black ink weighs all channels alike; blue ink hardly darkens the blue one, which then counts little.
 */
function inkWeights(planes: readonly Plane[]): number[] {
  if (planes.length === 1) return [1];
  const even = planes.map(() => 1 / planes.length);
  const mean = blend(planes, even);
  const bins = histogram(mean.values);
  const darkest = binOfRank(bins, inkRank(mean.values.length));
  const paper = binOfRank(bins, mean.values.length / 2);
  const threshold = (darkest + paper) / 2;
  const dark = indicesBelow(mean.values, threshold);
  const distances = planes.map(({ values }) => {
    const median = binOfRank(histogram(values), values.length / 2);
    let sum = 0;
    for (const i of dark) sum += median - values[i];
    return Math.max(0, sum);
  });
  const total = distances.reduce((sum, distance) => sum + distance, 0);
  return total > 0 ? distances.map((distance) => distance / total) : even;
}

/** Ascending. */
function indicesBelow(values: Float32Array, threshold: number): number[] {
  const indices: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] < threshold) indices.push(i);
  return indices;
}

/** Pixels that are ink in any image with writing on it: few enough for a small digit, too many for a speck of dust. */
function inkRank(pixels: number): number {
  return Math.max(6, pixels * 0.002);
}

interface Levels {
  floor: number;
  full: number;
}

/** `full`: the darkness that nearly all ink falls short of. `floor`: what the paper's own texture does not exceed. */
function inkLevels(dark: Plane): Levels | null {
  const bins = histogram(dark.values);
  const count = dark.values.length;
  const full = binOfRank(bins, count - inkRank(count) + 1);
  if (full < faintestInk) return null;
  const median = binOfRank(bins, count / 2);
  // 1.4826: from the median absolute deviation to a standard deviation, for normally distributed noise.
  const sigma = 1.4826 * medianDistance(dark.values, median);
  const floor = median + noiseDeviations * sigma;
  return { floor: Math.min(Math.max(floor, leastFloor * full), greatestFloor * full), full };
}

function medianDistance(values: Float32Array, from: number): number {
  return releasing(() => {
    const distances = floats(values.length);
    for (let i = 0; i < values.length; i++) distances[i] = Math.abs(values[i] - from);
    return binOfRank(histogram(distances), values.length / 2);
  });
}

function stretch(plane: Plane, { floor, full }: Levels): void {
  const { values } = plane;
  const scale = 1 / (full - floor);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    // Nearly all of an image is paper: it costs one comparison.
    values[i] = value <= floor ? 0 : Math.min(1, (value - floor) * scale);
  }
}
