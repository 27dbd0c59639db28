import { chunkValues, type Encoding } from '../../encodings.js';
import { philox } from '../../rng.js';

/** One f32 and its bits. */
const single = new Float32Array(1);
const word = new Uint32Array(single.buffer);

function bitsOf(x: number): number {
  single[0] = x;
  return word[0];
}

function withBits(bits: number): number {
  word[0] = bits;
  return single[0];
}

const infinity = 0x7f80_0000;
const notANumber = 0x7fc0_0000;
const sizeBits = 0x7fff_ffff;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** x[n] → bytes, as encodings.ts says. `stream`: key and upper counter words of Philox, read by int8 alone. */
export function encode(bytes: Uint8Array, x: Float32Array, encoding: Encoding, stream: Int32Array): void {
  const view = viewOf(bytes);
  const first = Math.ceil(x.length / chunkValues) * 4;
  switch (encoding) {
    case 'f32':
      for (let i = 0; i < x.length; i++) view.setFloat32(i * 4, x[i], true);
      return;
    case 'bf16':
      for (let i = 0; i < x.length; i++) view.setUint16(i * 2, bfloat16Of(x[i]), true);
      bytes.fill(0, x.length * 2);
      return;
    case 'fp16':
      for (let chunk = 0; chunk * chunkValues < x.length; chunk++) encodeHalves(view, x, chunk, first);
      bytes.fill(0, first + x.length * 2);
      return;
    case 'int8':
      for (let chunk = 0; chunk * chunkValues < x.length; chunk++) {
        encodeBytes(view, x, chunk, first, stream);
      }
      bytes.fill(0, first + x.length);
      return;
    default:
      throw new TypeError(`Not an encoding: ${String(encoding satisfies never)}`);
  }
}

/** y[n] ← the values that stand in `bytes`, or y[n] += them. */
export function decode(y: Float32Array, bytes: Uint8Array, encoding: Encoding, add: boolean): void {
  const view = viewOf(bytes);
  const first = Math.ceil(y.length / chunkValues) * 4;
  for (let i = 0; i < y.length; i++) {
    const scale = (i - (i % chunkValues)) / (chunkValues / 4);
    const value = valueAt(view, i, encoding, first, scale);
    y[i] = add ? y[i] + value : value;
  }
}

/** The i-th value, rounded to f32. @param scale where the scale of its chunk stands, and `first` where the values begin */
function valueAt(view: DataView, i: number, encoding: Encoding, first: number, scale: number): number {
  switch (encoding) {
    case 'f32':
      return view.getFloat32(i * 4, true);
    case 'bf16':
      return withBits(view.getUint16(i * 2, true) << 16);
    case 'fp16':
      return Math.fround(halfAt(view.getUint16(first + i * 2, true)) * view.getFloat32(scale, true));
    case 'int8':
      return Math.fround(view.getInt8(first + i) * view.getFloat32(scale, true));
    default:
      throw new TypeError(`Not an encoding: ${String(encoding satisfies never)}`);
  }
}

function bfloat16Of(x: number): number {
  const bits = bitsOf(x);
  if ((bits & sizeBits) > infinity) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Bits of the largest size in a chunk: as whole numbers, sizes of f32 have the same order, and NaN is above all. */
function largestBits(x: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let i = from; i < to; i++) largest = Math.max(largest, bitsOf(x[i]) & sizeBits);
  return largest;
}

function encodeHalves(view: DataView, x: Float32Array, chunk: number, first: number): void {
  const from = chunk * chunkValues;
  const to = Math.min(from + chunkValues, x.length);
  const scaleBits = largestBits(x, from, to) & infinity;
  const scale = withBits(scaleBits);
  const isPlain = scaleBits !== 0 && scaleBits !== infinity;
  view.setUint32(chunk * 4, scaleBits, true);
  for (let i = from; i < to; i++) view.setUint16(first + i * 2, isPlain ? halfOf(x[i] / scale) : 0, true);
}

/** Below 2 in size → bits of the nearest half float, ties to even. */
function halfOf(x: number): number {
  const bits = bitsOf(x);
  const size = bits & sizeBits;
  const sign = (bits >>> 16) & 0x8000;
  // Of what is no normal half, the unit is that of 0.5 as an f32: adding it rounds.
  if (size < 0x3880_0000) return sign | (bitsOf(withBits(size) + 0.5) - 0x3f00_0000);
  return sign | ((size + 0xfff + ((size >>> 13) & 1) - 0x3800_0000) >>> 13);
}

function halfAt(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const size = half & 0x7fff;
  if (size >= 0x7c00) return sign * withBits(infinity | (size << 13));
  return sign * withBits(size << 13) * 2 ** 112;
}

/** Words of one Philox block for sixteen values of a row: counters count sixteens of half words. */
const counter = new Uint32Array(4);
const key = new Uint32Array(2);
const drawn = new Uint32Array(4);

/**
 * Value i of a chunk, i = 128·g + 16·j + lane, draws half word j of Philox block 32·chunk + 16·g + lane of the stream: sixteen lanes side
 * by side take sixteen blocks.
 */
function encodeBytes(
  view: DataView,
  x: Float32Array,
  chunk: number,
  first: number,
  stream: Int32Array,
): void {
  const from = chunk * chunkValues;
  const to = Math.min(from + chunkValues, x.length);
  const largest = largestBits(x, from, to);
  const scale = Math.fround(withBits(largest) / 127);
  const scaleBits = bitsOf(scale);
  const isFinite = largest < infinity;
  // Below the smallest normal number a scale is too coarse to divide by.
  const isPlain = isFinite && scaleBits >= 0x80_0000;
  view.setUint32(chunk * 4, isPlain ? scaleBits : isFinite ? 0 : notANumber, true);
  for (let i = from; i < to; i++) view.setInt8(first + i, 0);
  if (!isPlain) return;
  for (let block = 0; block < 32; block++) {
    key.set([stream[0], stream[1]]);
    counter.set([chunk * 32 + block, 0, stream[2], stream[3]]);
    philox(counter, key, drawn);
    const start = from + (block >>> 4) * 128 + (block & 15);
    for (let j = 0; j < 8; j++) {
      const i = start + j * 16;
      if (i >= to) break;
      const half = j % 2 === 0 ? drawn[j >>> 1] & 0xffff : drawn[j >>> 1] >>> 16;
      view.setInt8(first + i, roundAtRandom(Math.fround(x[i] / scale), (half + 0.5) / 65_536));
    }
  }
}

/** Down or up, up if the part behind the point is above `threshold`; from −127 to 127. */
function roundAtRandom(y: number, threshold: number): number {
  const down = Math.floor(y);
  const up = threshold < Math.fround(y - down) ? 1 : 0;
  return Math.max(-127, Math.min(127, down + up));
}
