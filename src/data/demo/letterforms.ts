import { distanceToEdge, fillContours, thin } from './bitmap.js';
import { type Contour, digitOutlines, type FontFace } from './fonts.js';
import { type Point, type Stroke, traceStrokes } from './skeleton.js';

/**
 * A digit as pen strokes: x right, y down, the origin at the middle of the digit's box, 1 the height of the font's digits.
 * Points lie `spacing` apart.
 */
export interface Letterform {
  strokes: Stroke[];
}
export const spacing = 0.02;

/** Pixels that the height of the font's digits takes while it is thinned. */
const drawingHeight = 120;

/** The ten digits of a font as the strokes down the middle of its outlines. Depends on the font alone. */
export async function loadLetterforms(face: FontFace): Promise<Letterform[]> {
  const digits = await digitOutlines(face);
  const heights = digits.map((contours) => boxOf(contours.flat().map(([x, y]) => ({ x, y }))).height);
  const scale = drawingHeight / (heights.reduce((a, b) => a + b, 0) / heights.length);
  return digits.map((contours) => letterform(contours, scale));
}

function letterform(contours: Contour[], scale: number): Letterform {
  const box = boxOf(contours.flat().map(([x, y]) => ({ x, y })));
  const border = 4;
  const placed = contours.map((contour) =>
    contour.map(([x, y]): [number, number] => [
      (x - box.left) * scale + border,
      (y - box.top) * scale + border,
    ]),
  );
  const width = Math.ceil(box.width * scale) + 2 * border;
  const height = Math.ceil(box.height * scale) + 2 * border;
  const bitmap = fillContours(placed, width, height);
  const strokes = traceStrokes(thin(bitmap), distanceToEdge(bitmap));
  const unit = 1 / drawingHeight;
  const scaled = strokes.map(({ points, closed }) => ({
    closed,
    points: points.map((p) => ({ x: p.x * unit, y: p.y * unit })),
  }));
  const drawn = boxOf(scaled.flatMap((stroke) => stroke.points));
  const middle = { x: drawn.left + drawn.width / 2, y: drawn.top + drawn.height / 2 };
  return {
    strokes: scaled.map(({ points, closed }) => ({
      closed,
      points: resample(
        smooth(
          points.map((p) => ({ x: p.x - middle.x, y: p.y - middle.y })),
          closed,
          6,
        ),
        closed,
        spacing,
      ),
    })),
  };
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function boxOf(points: readonly Point[]): Box {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** Rounds corners off: `passes` times the mean ¼ ½ ¼ of each point and its neighbours. Open ends stay where they are. */
export function smooth(points: readonly Point[], closed: boolean, passes: number): Point[] {
  let current = points.slice();
  const n = current.length;
  for (let pass = 0; pass < passes; pass++) {
    const before = current;
    current = before.map((p, i) => {
      if (!closed && (i === 0 || i === n - 1)) return p;
      const a = before[(i + n - 1) % n];
      const b = before[(i + 1) % n];
      return { x: (a.x + 2 * p.x + b.x) / 4, y: (a.y + 2 * p.y + b.y) / 4 };
    });
  }
  return current;
}

/** Points at equal distances (close to `step`) along the same line. */
export function resample(points: readonly Point[], closed: boolean, step: number): Point[] {
  const line = closed ? [...points, points[0]] : points;
  const lengths = [0];
  for (let i = 1; i < line.length; i++) {
    lengths.push(lengths[i - 1] + distance(line[i - 1], line[i]));
  }
  const total = lengths[lengths.length - 1];
  const pieces = Math.max(2, Math.round(total / step));
  const result: Point[] = [];
  let segment = 1;
  for (let k = 0; k < (closed ? pieces : pieces + 1); k++) {
    const at = (total * k) / pieces;
    while (segment < line.length - 1 && lengths[segment] < at) segment++;
    const a = line[segment - 1];
    const b = line[segment];
    const span = lengths[segment] - lengths[segment - 1];
    const t = span > 0 ? Math.min(1, (at - lengths[segment - 1]) / span) : 0;
    result.push({ x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) });
  }
  return result;
}

export function distance(a: Point, b: Point): number {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  return Math.sqrt(dx * dx + dy * dy);
}
