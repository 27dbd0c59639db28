import type { Random } from '../../engine/index.js';
import { bell, between, chance, smoothCurve } from './noise.js';
import type { Point, Stroke } from './skeleton.js';

export type Colour = readonly [red: number, green: number, blue: number];

export interface Pen {
  kind: 'ballpoint' | 'gel' | 'marker' | 'pencil';
  colour: Colour;
  /** Half the line's width in pixels of a 180-pixel picture. */
  radius: number;
  /** Width of the blurred edge, px. */
  softness: number;
  /** How much the width and the ink follow the pressure, 0…1. */
  pressure: number;
  /** How much of the paper's tooth shows through the ink, 0…1. */
  grain: number;
}

const inks = {
  black: [46, 40, 46],
  warmBlack: [62, 48, 52],
  blue: [44, 48, 150],
  brightBlue: [36, 42, 186],
  blueBlack: [40, 44, 92],
  red: [176, 44, 52],
  green: [32, 104, 76],
  graphite: [96, 96, 102],
} satisfies Record<string, Colour>;

export function drawPen(random: Random): Pen {
  const at = random.float();
  if (at < 0.62) {
    const colour = pick(random, [inks.black, inks.warmBlack, inks.warmBlack, inks.blue, inks.blueBlack]);
    return {
      kind: 'ballpoint',
      colour: vary(colour, random),
      radius: between(random, 1.5, 2.6),
      softness: between(random, 1.3, 2.1),
      pressure: between(random, 0.25, 0.5),
      grain: between(random, 0.12, 0.35),
    };
  }
  if (at < 0.82) {
    const colour = pick(random, [
      inks.black,
      inks.brightBlue,
      inks.brightBlue,
      inks.blueBlack,
      inks.green,
      inks.red,
    ]);
    return {
      kind: 'gel',
      colour: vary(colour, random),
      radius: between(random, 1.9, 3.1),
      softness: between(random, 1.1, 1.6),
      pressure: between(random, 0.1, 0.3),
      grain: between(random, 0.03, 0.1),
    };
  }
  if (at < 0.91) {
    return {
      kind: 'marker',
      colour: vary(pick(random, [inks.black, inks.black, inks.brightBlue, inks.green]), random),
      radius: between(random, 3.6, 6),
      softness: between(random, 1.4, 2.4),
      pressure: between(random, 0.08, 0.2),
      grain: between(random, 0.03, 0.12),
    };
  }
  return {
    kind: 'pencil',
    colour: vary(inks.graphite, random),
    radius: between(random, 1.6, 2.6),
    softness: between(random, 1.6, 2.4),
    pressure: between(random, 0.3, 0.5),
    grain: between(random, 0.35, 0.6),
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)];
}

function vary(colour: Colour, random: Random): Colour {
  const light = 8 * bell(random);
  return [colour[0] + light + 4 * bell(random), colour[1] + light, colour[2] + light + 4 * bell(random)];
}

/**
 * Draws strokes (in pixels) with a pen.
 * @returns how much ink lies on each pixel, 0…1, [height][width]
 */
export function inkOf(
  strokes: readonly Stroke[],
  pen: Pen,
  scale: number,
  width: number,
  height: number,
  random: Random,
): Float32Array {
  const ink = new Float32Array(width * height);
  for (const { points } of strokes) {
    const press = smoothCurve(random, 5);
    const flow = smoothCurve(random, 16);
    const lift = { head: between(random, 0.5, 1), tail: between(random, 0.25, 0.95) };
    const skips = pen.kind === 'ballpoint' && chance(random, 0.12);
    const last = points.length - 1;
    for (let i = 0; i < last; i++) {
      const t = i / last;
      const taper = Math.min(1, lift.head + (1 - lift.head) * (i / 5), lift.tail + (last - i) / 9);
      const pressure = 1 + pen.pressure * 0.55 * press(t);
      const radius = Math.max(0.8, scale * pen.radius * Math.max(0.6, Math.min(1.4, pressure)) * taper);
      let darkness = 1 - pen.pressure * (0.22 - 0.2 * press(t)) - 0.14 * pen.pressure * flow(t);
      if (skips && flow(t) > 1) darkness *= 0.55;
      darkness = Math.max(0.35, Math.min(1, darkness)) * (0.6 + 0.4 * taper);
      stamp(ink, width, height, points[i], points[i + 1], radius, pen.softness, darkness);
    }
  }
  return ink;
}

/** One piece of line with round ends; where pieces overlap the darker one counts, as ink on ink hardly darkens. */
function stamp(
  ink: Float32Array,
  width: number,
  height: number,
  a: Point,
  b: Point,
  radius: number,
  softness: number,
  darkness: number,
): void {
  const reach = radius + softness;
  const x0 = Math.max(0, Math.floor(Math.min(a.x, b.x) - reach));
  const x1 = Math.min(width - 1, Math.ceil(Math.max(a.x, b.x) + reach));
  const y0 = Math.max(0, Math.floor(Math.min(a.y, b.y) - reach));
  const y1 = Math.min(height - 1, Math.ceil(Math.max(a.y, b.y) + reach));
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const squared = dx * dx + dy * dy || 1e-9;
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const px = x + 0.5 - a.x;
      const py = y + 0.5 - a.y;
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) / squared));
      const ex = px - t * dx;
      const ey = py - t * dy;
      const inside = (radius - Math.sqrt(ex * ex + ey * ey)) / softness + 0.5;
      if (inside <= 0) continue;
      const edge = inside >= 1 ? 1 : inside * inside * (3 - 2 * inside);
      const i = y * width + x;
      const value = edge * darkness;
      if (value > ink[i]) ink[i] = value;
    }
  }
}
