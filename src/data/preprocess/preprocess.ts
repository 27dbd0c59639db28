import type { Preprocessing } from '../preprocessing.js';
import { channelsOf, sampleBytesOf } from '../sample-shape.js';
import type { RawImage } from '../types.js';
import { type Bounds, findEdgeLines, findPieces, keepDigit } from './components.js';
import { extractInk, type Ink } from './ink.js';
import { blend, copy, invert, type Plane, toPlanes } from './planes.js';
import { isInkBright } from './polarity.js';
import { type Box, resample } from './resample.js';
import { startImage } from './scratch.js';

/** A digit that is smaller than this in the file is not enlarged further: its pixels carry no more shape. */
const smallestDigit = 4;
/** This share of a sample's pixels at least is full ink: what the thinnest strokes cover. */
const fullInkShare = 0.04;
/** … unless that takes more than this factor: the sample shows something else then. */
const greatestGain = 2.5;
/** Rec. 601 luma, for samples that keep their brightness. */
const luma = [0.299, 0.587, 0.114];

/**
 * Turns an image into a sample: in NumtaDB the same digit comes as a blue scan, a photograph in bad light, inverted, tiny in a
 * corner, or already binarised; the network should see one thing.
 *
 * 1. The polarity is found, and light writing inverted.
 * 2. Ink is what is darker than the paper around it, so shadows and gradients go; the channels count as much as the ink shows in them.
 * 3. Darkness is stretched between the paper's noise and the ink's full level: a faint pencil and a binarised image look alike.
 * 4. Specks and scan edges are wiped out, and the box of the digit is found to a fraction of a pixel.
 * 5. The box, made as square as the sample, with a margin, is resampled.
 * 6. A thin stroke that paled when it was averaged down is darkened to full ink again.
 *
 * Only + − × ÷ and square roots of doubles: the same bytes on every machine. A blank sheet becomes zeros. With polarity `keep`,
 * steps 1–3 only find the digit, and the sample shows the image's own brightness.
 *
 * @returns [channels][height][width], ink bright on black with polarity `auto`
 */
export function preprocess(image: RawImage, p: Preprocessing): Uint8Array {
  startImage();
  const planes = toPlanes(image);
  const colour = p.color === 'rgb';
  const kept = p.polarity === 'keep' ? ownBrightness(planes, colour) : null;
  if (isInkBright(planes)) for (const plane of planes) invert(plane);
  const found = findDigit(planes, colour);

  const sample = new Uint8Array(sampleBytesOf(p));
  const shown = kept ?? found?.planes;
  if (shown === undefined) return sample;
  const whole: Box = { left: 0, top: 0, width: planes[0].width, height: planes[0].height };
  const box = p.crop !== null && found !== null ? digitBox(found.grey, found.bounds, p.crop.margin) : whole;
  const frame = fit(box, p.width / p.height);
  const resampled = shown.map((plane) =>
    resample(plane, frame, p.width, p.height, kept === null ? 'empty' : 'edge'),
  );
  const scale = kept === null ? 255 * inkGain(resampled) : 1;
  for (let channel = 0; channel < channelsOf(p); channel++) {
    const { values } = resampled[Math.min(channel, resampled.length - 1)];
    for (let i = 0; i < values.length; i++) {
      sample[channel * values.length + i] = Math.min(255, Math.max(0, Math.round(values[i] * scale)));
    }
  }
  return sample;
}

interface Digit extends Ink {
  /** Nothing but zeros is outside of them. */
  bounds: Bounds;
}

/** The ink of the digit alone, or null if there is none. */
function findDigit(planes: readonly Plane[], colour: boolean): Digit | null {
  let ink = extractInk(planes, colour);
  if (ink === null) return null;
  let pieces = findPieces(ink.grey);
  const lines = findEdgeLines(pieces);
  if (lines !== null) {
    // If nothing else is on the paper, the line is the writing.
    ink = extractInk(planes, colour, lines) ?? ink;
    pieces = findPieces(ink.grey);
  }
  const bounds = keepDigit(pieces, new Set([ink.grey, ...ink.planes]));
  return bounds === null ? null : { ...ink, bounds };
}

/** Brings the sample's darkest pixels to full ink; all channels alike. */
function inkGain(planes: readonly Plane[]): number {
  let darkest = 1 / greatestGain;
  for (const { values } of planes) {
    const rankFromTop = values.length - Math.floor(values.length * (1 - fullInkShare));
    // Only what is darker already can change the result: few values have to be sorted.
    const darker = values.filter((value) => value > darkest).toSorted();
    if (darker.length >= rankFromTop) darkest = darker[darker.length - rankFromTop];
  }
  return 1 / Math.min(1, darkest);
}

function ownBrightness(planes: readonly Plane[], colour: boolean): Plane[] {
  if (colour) return planes.map(copy);
  return [blend(planes, luma)];
}

/**
 * The box of all ink, with the margin. An outermost row that is only half dark counts as half a row: small digits would jump by
 * several pixels of the sample otherwise.
 */
function digitBox(ink: Plane, bounds: Bounds, margin: number): Box {
  const columns = new Float32Array(ink.width);
  const rows = new Float32Array(ink.height);
  for (let y = bounds.top; y <= bounds.bottom; y++) {
    for (let x = bounds.left; x <= bounds.right; x++) {
      const value = ink.values[y * ink.width + x];
      if (value > columns[x]) columns[x] = value;
      if (value > rows[y]) rows[y] = value;
    }
  }
  const [left, right] = extent(columns);
  const [top, bottom] = extent(rows);
  const border = margin * Math.max(right - left, bottom - top, smallestDigit);
  const grown = (from: number, to: number): [start: number, length: number] => {
    const length = Math.max(to - from, smallestDigit) + 2 * border;
    return [(from + to - length) / 2, length];
  };
  const [boxLeft, width] = grown(left, right);
  const [boxTop, height] = grown(top, bottom);
  return { left: boxLeft, top: boxTop, width, height };
}

function extent(darkest: Float32Array): [from: number, to: number] {
  let first = 0;
  while (first < darkest.length - 1 && darkest[first] < 0.05) first++;
  let last = darkest.length - 1;
  while (last > first && darkest[last] < 0.05) last--;
  return [first + 1 - darkest[first], last + darkest[last]];
}

/** The smallest box around `box`, about the same centre, of the given width ÷ height: nothing is squeezed. */
function fit(box: Box, aspect: number): Box {
  const width = Math.max(box.width, box.height * aspect);
  const height = width / aspect;
  return {
    left: box.left + (box.width - width) / 2,
    top: box.top + (box.height - height) / 2,
    width,
    height,
  };
}
