import type { Random } from '../../engine/index.js';
import { type Letterform, resample, smooth } from './letterforms.js';
import { bell, between, chance, smoothCurve, smoothSurface } from './noise.js';
import type { Point, Stroke } from './skeleton.js';

/** How somebody writes: what stays the same from one digit to the next. Lengths are in digit heights. */
export interface Hand {
  /** Sideways shift per height, positive to the right. */
  slant: number;
  /** Width to height, 1 as in print. */
  aspect: number;
  /** Turn of the line, as the tangent of half the angle. */
  turn: number;
  /** Rounds of smoothing: a quick hand rounds corners off. */
  haste: number;
  /** How far the shape is pulled about. */
  looseness: number;
  /** Trembling of the line. */
  tremor: number;
  /** Height of a digit as a share of the picture's shorter side. */
  size: number;
}

export function drawHand(random: Random): Hand {
  return {
    slant: 0.13 * bell(random) + 0.04,
    aspect: 1 + 0.12 * bell(random),
    turn: 0.035 * bell(random),
    haste: Math.floor(between(random, 1, 15)),
    looseness: between(random, 0.03, 0.085),
    tremor: between(random, 0.001, 0.007),
    size: between(random, 0.28, 0.58),
  };
}

/** One digit as this hand happens to write it this time: strokes in units of the digit's height, the origin in its middle. */
export function writeDigit(form: Letterform, hand: Hand, random: Random): Stroke[] {
  const pull = elastic(random, hand.looseness);
  const place = placement(hand, random);
  const haste = Math.max(1, Math.round(hand.haste * between(random, 0.6, 1.5)));
  return form.strokes.map((stroke) => {
    // A ring has no ends to hold it: smoothed as much as the rest, ৫ would lose its notch and become ০.
    const rounded = smooth(stroke.points, stroke.closed, stroke.closed ? Math.ceil(haste / 3) : haste);
    const opened = stroke.closed ? penPath(rounded, random) : adjustEnds(rounded, random);
    const shift = { x: 0.014 * bell(random), y: 0.014 * bell(random) };
    const wander = tremble(hand.tremor, random);
    const points = opened.map((p, i) => {
      const pulled = pull({ x: p.x + shift.x, y: p.y + shift.y });
      const shaken = wander(i / (opened.length - 1), opened.length);
      return place({ x: pulled.x + shaken.x, y: pulled.y + shaken.y });
    });
    return { points: resample(points, false, 0.02), closed: false };
  });
}

/** P. Simard, D. Steinkraus, J. Platt: Best practices for convolutional neural networks, ICDAR 2003; here on points. */
function elastic(random: Random, amount: number): (p: Point) => Point {
  const cells = 2 + random.below(2);
  const dx = smoothSurface(random, cells);
  const dy = smoothSurface(random, cells);
  return (p) => {
    const u = p.x / 1.6 + 0.5;
    const v = p.y / 1.6 + 0.5;
    return { x: p.x + amount * dx(u, v), y: p.y + amount * dy(u, v) };
  };
}

function placement(hand: Hand, random: Random): (p: Point) => Point {
  const t = hand.turn + 0.04 * bell(random);
  const cos = (1 - t * t) / (1 + t * t);
  const sin = (2 * t) / (1 + t * t);
  const slant = hand.slant + 0.05 * bell(random);
  const width = hand.aspect * (1 + 0.09 * bell(random));
  const height = 1 + 0.07 * bell(random);
  return (p) => {
    const x = width * p.x - slant * p.y;
    const y = height * p.y;
    return { x: cos * x - sin * y, y: sin * x + cos * y };
  };
}

function tremble(amount: number, random: Random) {
  const dx = smoothCurve(random, 24);
  const dy = smoothCurve(random, 24);
  // A fixed number of bumps per length: short strokes tremble as finely as long ones.
  return (t: number, count: number): Point => {
    const at = Math.min(1, (t * count) / 240);
    return { x: amount * dx(at), y: amount * dy(at) };
  };
}

/** A ring is drawn from somewhere near its top, and its end seldom meets its beginning. */
function penPath(points: readonly Point[], random: Random): Point[] {
  let top = 0;
  points.forEach((p, i) => {
    if (p.y < points[top].y) top = i;
  });
  const n = points.length;
  const start = (top + n + Math.round(n * 0.08 * bell(random))) % n;
  const clockwise = chance(random, 0.3);
  const overlap = Math.round(n * between(random, -0.05, 0.1));
  const drift = { x: 0.03 * bell(random), y: 0.03 * bell(random) };
  return Array.from({ length: Math.max(8, n + overlap) }, (_, i) => {
    const p = points[(((clockwise ? start + i : start - i) % n) + 2 * n) % n];
    const t = i / n - 0.5;
    return { x: p.x + drift.x * t, y: p.y + drift.y * t };
  });
}

/** Ends run a little short or long, and some curl as the pen comes down or leaves. */
function adjustEnds(points: readonly Point[], random: Random): Point[] {
  const head = bendEnd(points.toReversed(), random);
  return bendEnd(head.toReversed(), random);
}

function bendEnd(points: Point[], random: Random): Point[] {
  const change = Math.round(2.5 * bell(random) + 1);
  const bend = 0.0016 * bell(random);
  if (change <= 0 || points.length < 12) {
    return points.length > 24 ? points.slice(0, points.length + Math.min(0, change)) : points;
  }
  const last = points[points.length - 1];
  const before = points[points.length - 5];
  const along = { x: (last.x - before.x) / 4, y: (last.y - before.y) / 4 };
  const extra = Array.from({ length: change }, (_, i) => {
    const k = i + 1;
    return {
      x: last.x + k * along.x - bend * k * k * along.y * 50,
      y: last.y + k * along.y + bend * k * k * along.x * 50,
    };
  });
  return [...points, ...extra];
}
