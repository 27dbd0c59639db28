import type { Random } from '../../engine/index.js';
import { addGrain, addSurface, bell, between, chance } from './noise.js';
import type { Colour } from './pen.js';

/** A sheet and the light that falls on it: what the pictures of one writer share. */
export interface Paper {
  colour: Colour;
  /** Difference in brightness across the picture, grey levels. */
  shading: number;
  /** Slow stains and waves, grey levels. */
  mottle: number;
  /** Pixel noise, grey levels. */
  grain: number;
  ruling: 'none' | 'lines' | 'squares';
  /** Distance of the ruled lines, as a share of the picture's shorter side. */
  pitch: number;
  ruleColour: Colour;
  /** How visible the ruled lines are, 0…1. */
  ruleStrength: number;
}

export type Camera = 'scanner' | 'phone';

export function drawPaper(random: Random, camera: Camera): Paper {
  const tint = random.float();
  const light = camera === 'scanner' ? between(random, 226, 250) : between(random, 176, 232);
  const colour: Colour =
    tint < 0.55
      ? [light, light - 2, light + 5]
      : tint < 0.8
        ? [light, light - 5, light - 20 - 10 * random.float()]
        : [light - 14, light - 17, light - 16];
  const ruled = random.float();
  return {
    colour,
    shading: camera === 'scanner' ? between(random, 2, 9) : between(random, 14, 46),
    mottle: between(random, 0.8, 2.6),
    grain: camera === 'scanner' ? between(random, 2, 6) : between(random, 5, 13),
    ruling: ruled < 0.1 ? 'lines' : ruled < 0.14 ? 'squares' : 'none',
    pitch: between(random, 0.42, 0.75),
    ruleColour: chance(random, 0.8) ? [150, 176, 214] : [196, 168, 176],
    ruleStrength: between(random, 0.3, 0.6),
  };
}

/** Brightness offsets from the sheet's colour, grey levels, [height][width]. */
export function lightOf(paper: Paper, width: number, height: number, random: Random): Float32Array {
  const light = new Float32Array(width * height);
  addSurface(light, width, height, random, 1, 0.55 * paper.shading);
  addSurface(light, width, height, random, 7, paper.mottle);
  addGrain(light, random, paper.grain);
  const slopeX = (paper.shading * bell(random)) / width;
  const slopeY = (paper.shading * bell(random)) / height;
  for (let y = 0; y < height; y++) {
    const row = slopeY * (y - height / 2);
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      light[i] = light[i] + row + slopeX * (x - width / 2);
    }
  }
  if (chance(random, 0.05)) addFold(light, width, height, random);
  if (chance(random, 0.12)) addSpecks(light, width, height, random);
  return light;
}

/** A crease right across: a dark valley, a bright ridge beside it, the two halves lit a little differently. */
function addFold(light: Float32Array, width: number, height: number, random: Random): void {
  const upright = chance(random, 0.5);
  const lean = 0.12 * bell(random);
  const across = upright ? width : height;
  const where = across * between(random, 0.1, 0.9);
  const depth = between(random, 6, 16);
  const step = 3 * bell(random);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const d = upright ? x - where - lean * (y - height / 2) : y - where - lean * (x - width / 2);
      const i = y * width + x;
      const valley = depth / (1 + (d * d) / 3);
      const ridge = (0.8 * depth) / (1 + ((d - 4) * (d - 4)) / 4);
      light[i] = light[i] - valley + ridge + (d > 0 ? step : 0);
    }
  }
}

function addSpecks(light: Float32Array, width: number, height: number, random: Random): void {
  const count = 1 + random.below(5);
  for (let k = 0; k < count; k++) {
    const cx = random.below(width);
    const cy = random.below(height);
    const size = 1 + random.below(2);
    const depth = between(random, 15, 60);
    for (let y = Math.max(0, cy - size); y <= Math.min(height - 1, cy + size); y++) {
      for (let x = Math.max(0, cx - size); x <= Math.min(width - 1, cx + size); x++) {
        const d = (x - cx) * (x - cx) + (y - cy) * (y - cy);
        const i = y * width + x;
        light[i] = light[i] - depth / (1 + 2 * d);
      }
    }
  }
}

/** How much of the rule's colour each pixel shows, 0…1; null on plain paper. */
export function rulingOf(
  paper: Paper,
  width: number,
  height: number,
  random: Random,
): ((x: number, y: number) => number) | null {
  if (paper.ruling === 'none') return null;
  const pitch = paper.pitch * Math.min(width, height) * (paper.ruling === 'squares' ? 0.6 : 1);
  const lean = 0.02 * bell(random);
  const offsetX = pitch * random.float();
  const offsetY = pitch * random.float();
  const line = (at: number) => {
    const d = Math.abs(at - Math.floor(at / pitch + 0.5) * pitch);
    return d < 0.5 ? 1 : d < 1.6 ? (1.6 - d) / 1.1 : 0;
  };
  const squares = paper.ruling === 'squares';
  return (x, y) => {
    const flat = line(y + lean * x + offsetY);
    return paper.ruleStrength * (squares ? Math.max(flat, line(x - lean * y + offsetX)) : flat);
  };
}
