import type { Plane } from './planes.js';

/** A connected piece of ink. Box in pixels, last column and row included; `mass` is the sum of its ink. */
interface Piece {
  mass: number;
  peak: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
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

/**
 * Keeps the digit and wipes out specks, scan edges and texture: `ink` outside the kept pieces (and the ring of pixels around
 * them, where the stroke fades) becomes 0 on every plane.
 *
 * @param grey   ink 0…1, where the digit is found
 * @param planes wiped in place; may contain `grey`
 * @returns whether any digit is left
 */
export function keepDigit(grey: Plane, planes: readonly Plane[]): boolean {
  const { width, height } = grey;
  const owner = new Int32Array(width * height);
  const pieces = findPieces(grey, owner);
  const kept = choosePieces(pieces, width, height);
  if (kept === null) return false;
  const ring = ringAround(owner, kept, width, height);
  for (const { values } of new Set([grey, ...planes])) {
    for (let i = 0; i < values.length; i++) if (ring[i] === 0) values[i] = 0;
  }
  return true;
}

/**
 * Lines along the edge of a scan, if there are any: 1 on them and around them. They are often darker than the writing, and must
 * be left out before the ink's darkness is measured.
 */
export function findEdgeLines(grey: Plane): Uint8Array | null {
  const { width, height } = grey;
  const owner = new Int32Array(width * height);
  const pieces = findPieces(grey, owner);
  const lines = Uint8Array.from([0, ...pieces.map((piece) => (isEdgeLine(piece, width, height) ? 1 : 0))]);
  return lines.includes(1) ? ringAround(owner, lines, width, height) : null;
}

/** Flood fill over eight neighbours. `owner` ← piece number + 1, or 0. */
function findPieces(ink: Plane, owner: Int32Array): Piece[] {
  const { width, height, values } = ink;
  const pieces: Piece[] = [];
  const stack: number[] = [];
  for (let seed = 0; seed < values.length; seed++) {
    if (values[seed] < possibly || owner[seed] !== 0) continue;
    const piece: Piece = { mass: 0, peak: 0, left: width, right: -1, top: height, bottom: -1 };
    pieces.push(piece);
    owner[seed] = pieces.length;
    stack.push(seed);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const x = at % width;
      const y = (at - x) / width;
      piece.mass += values[at];
      piece.peak = Math.max(piece.peak, values[at]);
      piece.left = Math.min(piece.left, x);
      piece.right = Math.max(piece.right, x);
      piece.top = Math.min(piece.top, y);
      piece.bottom = Math.max(piece.bottom, y);
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const neighbour = row * width + column;
          if (values[neighbour] < possibly || owner[neighbour] !== 0) continue;
          owner[neighbour] = pieces.length;
          stack.push(neighbour);
        }
      }
    }
  }
  return pieces;
}

/** kept[piece number + 1] = 1 for every piece of the digit; null if there is none. */
function choosePieces(pieces: readonly Piece[], width: number, height: number): Uint8Array | null {
  const sure = pieces.filter((piece) => piece.peak >= surely);
  const inner = sure.filter((piece) => !isEdgeLine(piece, width, height));
  const candidates = inner.length > 0 ? inner : sure;
  if (candidates.length === 0) return null;
  const digit = candidates.reduce((best, piece) => (piece.mass > best.mass ? piece : best));
  const longerSide = Math.max(digit.right - digit.left + 1, digit.bottom - digit.top + 1);
  const kept = new Uint8Array(pieces.length + 1);
  for (const [index, piece] of pieces.entries()) {
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

/** 1 on the kept pieces and on every pixel that touches one. */
function ringAround(owner: Int32Array, kept: Uint8Array, width: number, height: number): Uint8Array {
  const ring = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (kept[owner[y * width + x]] === 0) continue;
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        ring.fill(1, row * width + Math.max(0, x - 1), row * width + Math.min(width, x + 2));
      }
    }
  }
  return ring;
}
