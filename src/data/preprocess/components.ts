import type { Plane } from './planes.js';
import { zeroBytes, zeroIntegers } from './scratch.js';

/** Pixels, last column and row included. */
export interface Bounds {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A connected piece of ink; `mass` is the sum of its ink. */
interface Piece extends Bounds {
  mass: number;
  peak: number;
}

/** Ink at least this dark connects; a piece must reach `surely` somewhere, or it is texture. */
const possibly = 0.2;
const surely = 0.5;
/** A piece with this share of the digit's mass belongs to it even at some distance: a stroke after the pen was lifted. */
const ownShare = 0.2;
const ownGap = 0.5;
/** One with this share belongs to it if it lies close by; anything less is a speck. */
const nearShare = 0.03;
/** Both gaps are fractions of the digit's longer side. A piece at the edge of the image may be a neighbour's: it has to be close. */
const nearGap = 0.15;
/** A line along the whole edge (of the scan, of ruled paper): this long and this thin, relative to the image. */
const lineLength = 0.9;
const lineWidth = 0.1;

/** All pieces of an image; `owner`: [height][width], piece number + 1, or 0 where none is. */
export interface Pieces {
  width: number;
  height: number;
  list: readonly Piece[];
  owner: Int32Array;
}

/**
 * Keeps the digit and wipes out specks, scan edges and texture: ink outside the kept pieces (and the ring of pixels around them,
 * where the stroke fades) becomes 0 on every plane.
 *
 * @param planes wiped in place
 * @returns where ink may be left, or null if there is no digit
 */
export function keepDigit(pieces: Pieces, planes: Iterable<Plane>): Bounds | null {
  const kept = choosePieces(pieces);
  if (kept === null) return null;
  const ring = ringAround(pieces, kept);
  const bounds = ringBounds(pieces, kept);
  for (const plane of planes) wipe(plane, ring, bounds);
  return bounds;
}

/**
 * Lines along the edge of a scan, if there are any: 1 on them and around them. They are often darker than the writing, and must
 * be left out before the ink's darkness is measured.
 */
export function findEdgeLines(pieces: Pieces): Uint8Array | null {
  const { width, height, list } = pieces;
  const lines = Uint8Array.from([0, ...list.map((piece) => (isEdgeLine(piece, width, height) ? 1 : 0))]);
  return lines.includes(1) ? ringAround(pieces, lines) : null;
}

/** Flood fill over eight neighbours of what is at least `possibly` ink. @param ink 0…1 */
export function findPieces(ink: Plane): Pieces {
  const { width, height, values } = ink;
  const owner = zeroIntegers(values.length);
  const list: Piece[] = [];
  const stack: number[] = [];
  for (let seed = 0; seed < values.length; seed++) {
    if (values[seed] < possibly || owner[seed] !== 0) continue;
    list.push(floodPiece(ink, owner, list.length + 1, seed, stack));
  }
  return { width, height, list, owner };
}

/** @param stack empty before and after */
function floodPiece(ink: Plane, owner: Int32Array, number: number, seed: number, stack: number[]): Piece {
  const { width, height, values } = ink;
  let [mass, peak, left, right, top, bottom] = [0, 0, width, -1, height, -1];
  owner[seed] = number;
  stack.push(seed);
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const x = at % width;
    const y = (at - x) / width;
    mass += values[at];
    if (values[at] > peak) peak = values[at];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
    const firstColumn = x > 0 ? x - 1 : 0;
    const lastColumn = x + 1 < width ? x + 1 : x;
    const lastRow = y + 1 < height ? y + 1 : y;
    for (let row = y > 0 ? y - 1 : 0; row <= lastRow; row++) {
      const end = row * width + lastColumn;
      for (let neighbour = row * width + firstColumn; neighbour <= end; neighbour++) {
        if (values[neighbour] < possibly || owner[neighbour] !== 0) continue;
        owner[neighbour] = number;
        stack.push(neighbour);
      }
    }
  }
  return { mass, peak, left, right, top, bottom };
}

/** kept[piece number + 1] = 1 for every piece of the digit; null if there is none. */
function choosePieces({ width, height, list }: Pieces): Uint8Array | null {
  const sure = list.filter((piece) => piece.peak >= surely);
  const inner = sure.filter((piece) => !isEdgeLine(piece, width, height));
  const candidates = inner.length > 0 ? inner : sure;
  if (candidates.length === 0) return null;
  const digit = candidates.reduce((best, piece) => (piece.mass > best.mass ? piece : best));
  const longerSide = Math.max(digit.right - digit.left + 1, digit.bottom - digit.top + 1);
  const kept = new Uint8Array(list.length + 1);
  for (const [index, piece] of list.entries()) {
    if (!candidates.includes(piece)) continue;
    const share = piece.mass / digit.mass;
    const reach = share >= ownShare && !touchesEdge(piece, width, height) ? ownGap : nearGap;
    if (share >= nearShare && gap(digit, piece) <= reach * longerSide) kept[index + 1] = 1;
  }
  return kept;
}

function isEdgeLine(piece: Piece, width: number, height: number): boolean {
  const across = piece.right - piece.left + 1;
  const down = piece.bottom - piece.top + 1;
  if (!touchesEdge(piece, width, height)) return false;
  return (
    (across >= lineLength * width && down <= lineWidth * height) ||
    (down >= lineLength * height && across <= lineWidth * width)
  );
}

function touchesEdge(piece: Piece, width: number, height: number): boolean {
  return piece.left === 0 || piece.top === 0 || piece.right === width - 1 || piece.bottom === height - 1;
}

/** Empty pixels between two boxes, the larger of both directions; 0 if they meet. */
function gap(a: Piece, b: Piece): number {
  const across = Math.max(a.left - b.right, b.left - a.right) - 1;
  const down = Math.max(a.top - b.bottom, b.top - a.bottom) - 1;
  return Math.max(0, across, down);
}

/** [height][width], 1 on the kept pieces and on every pixel that touches one. */
function ringAround({ width, height, list, owner }: Pieces, kept: Uint8Array): Uint8Array {
  const ring = zeroBytes(width * height);
  for (const [index, piece] of list.entries()) {
    if (kept[index + 1] === 0) continue;
    for (let y = piece.top; y <= piece.bottom; y++) {
      for (let x = piece.left; x <= piece.right; x++) {
        if (owner[y * width + x] !== index + 1) continue;
        // A whole run of pixels at once.
        const start = Math.max(0, x - 1);
        while (x <= piece.right && owner[y * width + x] === index + 1) x++;
        const end = Math.min(width, x + 1);
        for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
          ring.fill(1, row * width + start, row * width + end);
        }
      }
    }
  }
  return ring;
}

function ringBounds({ width, height, list }: Pieces, kept: Uint8Array): Bounds {
  const bounds = { left: width, right: -1, top: height, bottom: -1 };
  for (const [index, piece] of list.entries()) {
    if (kept[index + 1] === 0) continue;
    bounds.left = Math.min(bounds.left, Math.max(0, piece.left - 1));
    bounds.right = Math.max(bounds.right, Math.min(width - 1, piece.right + 1));
    bounds.top = Math.min(bounds.top, Math.max(0, piece.top - 1));
    bounds.bottom = Math.max(bounds.bottom, Math.min(height - 1, piece.bottom + 1));
  }
  return bounds;
}

/** 0 wherever `ring` is; nothing of it lies outside of the bounds. */
function wipe({ width, values }: Plane, ring: Uint8Array, { left, right, top, bottom }: Bounds): void {
  values.fill(0, 0, top * width + left);
  for (let y = top; y <= bottom; y++) {
    const end = y * width + right + 1;
    for (let i = y * width + left; i < end; i++) if (ring[i] === 0) values[i] = 0;
    // To the first column of the next row, or after the last one to the end.
    values.fill(0, end, y < bottom ? end + width - (right - left + 1) : values.length);
  }
}
