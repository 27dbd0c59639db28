import { encodedBytes } from './encodings.js';
import type { Kernels } from './kernels/kernels.js';

/** Of a vector of `count` values, of which the first `learnt` are thinned out to `kept` and the rest stays whole (running statistics). */
export interface SparseForm {
  count: number;
  learnt: number;
  kept: number;
}

/** What is left of a vector: values[kept] at places[kept], ascending, below `learnt`; rest[count − learnt], from there on. */
export interface SparseValues {
  places: Int32Array;
  values: Float32Array;
  rest: Float32Array;
}

/** How many of `learnt` values a share of them is; at least one. */
export function keptValues(density: number, learnt: number): number {
  return Math.min(learnt, Math.max(1, Math.round(density * learnt)));
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;
const bitmapBytes = (learnt: number): number => padded(Math.ceil(learnt / 8));
/** Seven bits a byte, of a whole number below 2³¹. */
const longestGap = 5;

/** Where the three parts of the bytes begin: the kept values, as `fp16` writes them; the rest, f32; the places. */
function partsOf({ count, learnt, kept }: SparseForm): { rest: number; places: number } {
  const rest = encodedBytes('fp16', kept);
  return { rest, places: rest + (count - learnt) * 4 };
}

/**
 * Little-endian, a multiple of four bytes: values, rest, places. Places are the gaps between them, each as the number of places that are
 * passed over, in bytes of seven bits, the lowest first, the highest bit set in all but the last of a gap (LEB128); or, where that is not
 * shorter, one bit for each place, the lowest bit of a byte first. Up to three zero bytes make it a multiple of four. The length tells which.
 *
 * The values are rounded to half floats, and those of `sparse` become what a reader will read.
 */
export function encodeSparse(
  kernels: Kernels,
  form: SparseForm,
  sparse: SparseValues,
): Uint8Array<ArrayBuffer> {
  const parts = partsOf(form);
  const gaps = gapsOf(sparse.places, bitmapBytes(form.learnt) - 4);
  const room = gaps === null ? bitmapBytes(form.learnt) : padded(gaps.length);
  const bytes = new Uint8Array(parts.places + room);
  kernels.encode(bytes.subarray(0, parts.rest), sparse.values, 'fp16', noStream);
  kernels.decode(sparse.values, bytes.subarray(0, parts.rest), 'fp16', false);
  if (sparse.rest.length > 0)
    kernels.encode(bytes.subarray(parts.rest, parts.places), sparse.rest, 'f32', noStream);
  if (gaps !== null) bytes.set(gaps, parts.places);
  else for (const place of sparse.places) bytes[parts.places + (place >>> 3)] |= 1 << (place & 7);
  return bytes;
}

const noStream = new Int32Array(4);

/** In at most so many bytes; null if they take more. */
function gapsOf(places: Int32Array, mostBytes: number): Uint8Array | null {
  const bytes = new Uint8Array(Math.max(0, Math.min(mostBytes, places.length * longestGap)));
  let length = 0;
  let next = 0;
  for (const place of places) {
    let gap = place - next;
    next = place + 1;
    for (; gap > 127; gap >>>= 7) bytes[length++] = (gap & 127) | 128;
    bytes[length++] = gap;
    if (length > mostBytes) return null;
  }
  return bytes.subarray(0, length);
}

/** What stands in the bytes; a sentence that says what is wrong with them, if they are none that `encodeSparse` writes. */
export function decodeSparse(kernels: Kernels, form: SparseForm, bytes: Uint8Array): SparseValues | string {
  const { count, learnt, kept } = form;
  const parts = partsOf(form);
  const room = bytes.length - parts.places;
  if (room < 0 || room > bitmapBytes(learnt) || room % 4 !== 0)
    return `expected ${parts.places} bytes of values and up to ${bitmapBytes(learnt)} of places, got ${bytes.length} bytes`;
  const written = bytes.subarray(parts.places);
  const places = room === bitmapBytes(learnt) ? readBits(written, form) : readGaps(written, form);
  if (typeof places === 'string') return places;
  const sparse = { places, values: new Float32Array(kept), rest: new Float32Array(count - learnt) };
  kernels.decode(sparse.values, bytes.subarray(0, parts.rest), 'fp16', false);
  if (sparse.rest.length > 0)
    kernels.decode(sparse.rest, bytes.subarray(parts.rest, parts.places), 'f32', false);
  return sparse;
}

function readBits(bytes: Uint8Array, { learnt, kept }: SparseForm): Int32Array | string {
  const places = new Int32Array(kept);
  let found = 0;
  for (const [i, byte] of bytes.entries()) {
    for (let left = byte; left !== 0; left &= left - 1) {
      const place = i * 8 + 31 - Math.clz32(left & -left);
      if (place >= learnt) return `expected places below ${learnt}, got ${place}`;
      if (found === kept) return `expected ${kept} places, got more`;
      places[found++] = place;
    }
  }
  return found === kept ? places : `expected ${kept} places, got ${found}`;
}

function readGaps(bytes: Uint8Array, { learnt, kept }: SparseForm): Int32Array | string {
  const places = new Int32Array(kept);
  let at = 0;
  let next = 0;
  for (let found = 0; found < kept; found++) {
    let gap = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return `expected ${kept} places, got ${found}`;
      // Above 2³¹, or written longer than it needs to be.
      if (shift >= 28 && byte > 7) return `expected places below ${learnt}, got a gap of more than 2^31`;
      if (byte === 0 && shift > 0) return 'expected gaps in as few bytes as they take, got one in more';
      gap |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const place = next + gap;
    if (place >= learnt) return `expected places below ${learnt}, got ${place}`;
    places[found] = place;
    next = place + 1;
  }
  const rest = bytes.subarray(at);
  if (rest.length > 3 || rest.some((byte) => byte !== 0))
    return `expected ${kept} places, got more than that`;
  return places;
}

/** y[count] ← the vector that is 0 where nothing is kept; or, with `add`, y[count] += it. */
export function addSparse(y: Float32Array, { places, values, rest }: SparseValues, add: boolean): void {
  if (!add) y.fill(0);
  for (let i = 0; i < places.length; i++) y[places[i]] += values[i];
  const learnt = y.length - rest.length;
  for (let i = 0; i < rest.length; i++) y[learnt + i] += rest[i];
}
