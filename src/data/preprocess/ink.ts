import { closing } from './closing.js';
import { binOfRank, blend, histogram, type Plane } from './planes.js';

/** Contrast below this many of 255 grey steps is no writing: a blank sheet is not blown up into noise. */
const faintestInk = 10;
/** Noise of the paper is cut at this many robust standard deviations. */
const noiseDeviations = 3;
/** … but at this fraction of the ink's darkness at least, and at most. */
const leastFloor = 0.12;
const greatestFloor = 0.4;

/**
 * Darkness against the paper: 0 where there is paper, 1 where there is full ink.
 *
 * @param planes channels of one image, dark ink on light paper, 0…255
 * @param colour one plane per channel instead of a single one
 * @param ignored 1 where something lies that is neither paper nor writing
 * @returns null for a blank sheet; `grey` is what the digit is found on, `planes` what the sample is made of
 */
export function extractInk(
  planes: readonly Plane[],
  colour: boolean,
  ignored: Uint8Array | null = null,
): { grey: Plane; planes: Plane[] } | null {
  const grey = darkness(blend(planes, inkWeights(planes)), ignored);
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
  for (let i = 0; i < values.length; i++) values[i] = ignored?.[i] === 1 ? 0 : values[i] - plane.values[i];
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
  const distances = planes.map(({ values }) => {
    const median = binOfRank(histogram(values), values.length / 2);
    let sum = 0;
    for (let i = 0; i < values.length; i++) if (mean.values[i] < threshold) sum += median - values[i];
    return Math.max(0, sum);
  });
  const total = distances.reduce((sum, distance) => sum + distance, 0);
  return total > 0 ? distances.map((distance) => distance / total) : even;
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
  const deviations = new Float32Array(count);
  for (let i = 0; i < count; i++) deviations[i] = Math.abs(dark.values[i] - median);
  // 1.4826: from the median absolute deviation to a standard deviation, for normally distributed noise.
  const sigma = 1.4826 * binOfRank(histogram(deviations), count / 2);
  const floor = median + noiseDeviations * sigma;
  return { floor: Math.min(Math.max(floor, leastFloor * full), greatestFloor * full), full };
}

function stretch(plane: Plane, { floor, full }: Levels): void {
  const { values } = plane;
  const scale = 1 / (full - floor);
  for (let i = 0; i < values.length; i++) values[i] = Math.min(1, Math.max(0, (values[i] - floor) * scale));
}
