import { constants, crc32, inflateSync } from 'node:zlib';
import type { RawImage } from '../types.js';

/** Chunks that a decoder has to understand begin with a capital letter. A palette is only a hint where colours are not numbered. */
const understoodChunks = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND']);
/** By colour type: grey, colour, numbered colour, grey with transparency, colour with transparency. */
const channelsOfType = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);

/**
 * Decodes the PNG that nearly all data sets consist of – 8 bits of grey or colour, not interlaced, without transparency, intact –
 * in a third of the time that the general library takes, which handles bits, colours and passes one by one.
 *
 * @param bytes a file whose header was read and found plain
 * @returns null if anything at all is unusual: the library then decides what it shows, or what is wrong with it
 */
export function decodePlainPng(bytes: Uint8Array, width: number, height: number): RawImage | null {
  const colourType = bytes[25];
  if (colourType !== 0 && colourType !== 2) return null;
  const channels = colourType === 0 ? 1 : 3;
  if (!isUsualAndIntact(bytes)) return null;
  const rowBytes = width * channels;
  const filtered = inflate(compressedPixels(bytes), (rowBytes + 1) * height);
  if (filtered === null) return null;
  const pixels = new Uint8Array(rowBytes * height);
  for (let row = 0; row < height; row++) {
    if (!unfilterRow(pixels, filtered, row, rowBytes, channels)) return null;
  }
  return { width, height, channels, pixels };
}

/**
 * Whether there is a byte for every pixel of a plain PNG. The library does not ask: it shows what happens to lie in memory for what
 * is missing.
 */
export function hasAllPixels(bytes: Uint8Array, width: number, height: number): boolean {
  const channels = channelsOfType.get(bytes[25]);
  if (channels === undefined) return true;
  const sizeBytes = (width * channels + 1) * height;
  try {
    // Without the usual demand that the stream has an end: what counts is what comes out of it.
    const finishFlush = constants.Z_SYNC_FLUSH;
    return (
      inflateSync(compressedPixels(bytes), { finishFlush, maxOutputLength: sizeBytes }).length === sizeBytes
    );
  } catch {
    // More than enough, or damage of another kind, which the library names.
    return true;
  }
}

interface Chunk {
  name: string;
  /** From its length to its checksum. */
  start: number;
  end: number;
}

/** The header has been read: no chunk is longer than the file. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 8; start + 12 <= bytes.length; ) {
    const end = start + 12 + view.getUint32(start);
    const name = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    yield { name, start, end };
    if (name === 'IEND') return;
    start = end;
  }
}

/** All checksums fit, no chunk is one that has to be understood and is not, and nothing follows the last one. */
function isUsualAndIntact(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { name, start, end } of chunksOf(bytes)) {
    if (crc32(bytes.subarray(start + 4, end - 4)) !== view.getUint32(end - 4)) return false;
    const isOptional = name[0] >= 'a';
    if (!isOptional && !understoodChunks.has(name)) return false;
    if (name === 'IHDR' && (start !== 8 || end !== 33)) return false;
    if (name === 'IEND') return end === bytes.length && end - start === 12;
  }
  return false;
}

function compressedPixels(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { name, start, end } of chunksOf(bytes)) {
    if (name === 'IDAT') parts.push(bytes.subarray(start + 8, end - 4));
  }
  return Buffer.concat(parts);
}

/** null if it is damaged or has another size. */
function inflate(compressed: Uint8Array, sizeBytes: number): Uint8Array | null {
  try {
    // One byte more than needed: the first chunk of output is then the only one.
    const chunkSize = Math.max(64, sizeBytes + 1);
    const bytes = inflateSync(compressed, { chunkSize, maxOutputLength: sizeBytes });
    return bytes.length === sizeBytes ? bytes : null;
  } catch {
    return null;
  }
}

/**
 * Each row begins with the number of its filter (PNG specification, "Filtering"): a byte is stored as its difference from what
 * its neighbours let expect, and they are 0 outside of the image.
 *
 * @returns whether the filter is known
 */
function unfilterRow(
  pixels: Uint8Array,
  filtered: Uint8Array,
  row: number,
  rowBytes: number,
  channels: number,
): boolean {
  const from = row * (rowBytes + 1) + 1;
  const start = row * rowBytes;
  const end = start + rowBytes;
  const second = start + channels;
  pixels.set(filtered.subarray(from, from + rowBytes), start);
  switch (filtered[from - 1]) {
    case 0:
      return true;
    case 1:
      for (let i = second; i < end; i++) pixels[i] += pixels[i - channels];
      return true;
    case 2:
      if (row > 0) for (let i = start; i < end; i++) pixels[i] += pixels[i - rowBytes];
      return true;
    case 3:
      for (let i = start; i < end; i++) {
        const left = i < second ? 0 : pixels[i - channels];
        const above = row === 0 ? 0 : pixels[i - rowBytes];
        pixels[i] += (left + above) >> 1;
      }
      return true;
    case 4:
      for (let i = start; i < end; i++) {
        const left = i < second ? 0 : pixels[i - channels];
        const above = row === 0 ? 0 : pixels[i - rowBytes];
        const aboveLeft = i < second || row === 0 ? 0 : pixels[i - rowBytes - channels];
        pixels[i] += nearest(left, above, aboveLeft);
      }
      return true;
    default:
      return false;
  }
}

/** Paeth's predictor: the neighbour that is nearest to left + above − aboveLeft, in this order if they are equally near. */
function nearest(left: number, above: number, aboveLeft: number): number {
  const toLeft = Math.abs(above - aboveLeft);
  const toAbove = Math.abs(left - aboveLeft);
  const toAboveLeft = Math.abs(left + above - 2 * aboveLeft);
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
  return toAbove <= toAboveLeft ? above : aboveLeft;
}
