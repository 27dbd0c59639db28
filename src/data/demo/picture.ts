import type { Random } from '../../engine/index.js';
import type { RawImage } from '../types.js';
import { drawHand, type Hand, writeDigit } from './hand.js';
import { boxOf, type Letterform } from './letterforms.js';
import { addGrain, bell, between, chance } from './noise.js';
import { type Camera, drawPaper, lightOf, type Paper, rulingOf } from './paper.js';
import { drawPen, inkOf, type Pen } from './pen.js';

/** One person with one pen on one sheet of paper. */
export interface Writer {
  hand: Hand;
  pen: Pen;
  paper: Paper;
  camera: Camera;
  /** Which font's letterform this person's habit follows, for each digit. */
  fonts: number[];
}

/** @param usable for each digit, the numbers of the fonts to choose from */
export function drawWriter(
  random: Random,
  usable: readonly (readonly number[])[],
  phoneShare: number,
): Writer {
  const camera = chance(random, phoneShare) ? 'phone' : 'scanner';
  return {
    hand: drawHand(random),
    pen: drawPen(random),
    paper: drawPaper(random, camera),
    camera,
    fonts: usable.map((fonts) => fonts[random.below(fonts.length)]),
  };
}

const usualSide = 180;

/** Draws one digit. form: the letterform that `writer.fonts` names. Depends on its arguments and the generator alone. */
export function drawPicture(writer: Writer, form: Letterform, random: Random): RawImage {
  const { width, height } = frame(writer.camera, random);
  const strokes = placeInFrame(form, writer.hand, width, height, random);
  const scale = Math.min(width, height) / usualSide;
  const ink = inkOf(strokes, writer.pen, scale * between(random, 0.88, 1.14), width, height, random);
  const pixels = compose(writer, ink, width, height, random);
  if (chance(random, 0.04)) for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i];
  return { width, height, channels: 3, pixels };
}

function frame(camera: Camera, random: Random): { width: number; height: number } {
  if (camera === 'scanner') return { width: usualSide, height: usualSide };
  const side = Math.round(between(random, 120, 220));
  if (chance(random, 0.4)) return { width: side, height: side };
  return { width: side, height: Math.round(side * between(random, 0.72, 1.35)) };
}

function placeInFrame(form: Letterform, hand: Hand, width: number, height: number, random: Random) {
  const strokes = writeDigit(form, hand, random);
  const box = boxOf(strokes.flatMap((stroke) => stroke.points));
  const size = hand.size * (1 + 0.1 * bell(random));
  const margin = 0.06;
  const room = 1 - 2 * margin;
  const scale = Math.min(
    size * Math.min(width, height),
    (room * width) / box.width,
    (room * height) / box.height,
  );
  const slackX = width * room - box.width * scale;
  const slackY = height * room - box.height * scale;
  const where = (slack: number) => slack * Math.min(1, Math.max(0, 0.5 + 0.16 * bell(random)));
  const left = width * margin + where(slackX) - box.left * scale;
  const top = height * margin + where(slackY) - box.top * scale;
  return strokes.map(({ points, closed }) => ({
    closed,
    points: points.map((p) => ({ x: left + p.x * scale, y: top + p.y * scale })),
  }));
}

/** Ink on ruled, lit, grainy paper. */
function compose(
  { pen, paper, camera }: Writer,
  ink: Float32Array,
  width: number,
  height: number,
  random: Random,
): Uint8Array {
  const light = lightOf(paper, width, height, random);
  const tooth = new Float32Array(width * height);
  addGrain(tooth, random, 1);
  const ruling = rulingOf(paper, width, height, random);
  const exposure = camera === 'phone' ? 4 * bell(random) : 1.5 * bell(random);
  const pixels = new Uint8Array(3 * width * height);
  const white = (paper.colour[0] + paper.colour[1] + paper.colour[2]) / 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const rule = ruling === null ? 0 : ruling(x, y);
      const wet = ink[i];
      const cover = wet === 0 ? 0 : wet * Math.min(1, 1 - pen.grain * (0.35 + 0.9 * tooth[i]));
      // Light falls on ink as on paper: shade is a factor, not a sum.
      const factor = 1 + (light[i] + exposure) / white;
      for (let c = 0; c < 3; c++) {
        const sheet = paper.colour[c] + (paper.ruleColour[c] - paper.colour[c]) * rule;
        const value = (sheet + (pen.colour[c] - sheet) * cover) * factor + 0.5;
        pixels[3 * i + c] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
  return pixels;
}
