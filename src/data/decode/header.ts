import { ImageError } from '../errors.js';

/**
 * Largest image that is decoded, in pixels: 4096 × 4096, more than any scan of one digit has. Decoded it takes 48 MB, so that a
 * few threads at once stay harmless.
 */
export const maxImagePixels = 4096 * 4096;
/** Largest file that is read at all. */
export const maxFileBytes = 32 * 1024 * 1024;

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif';

/** What the first bytes say, whatever the file is called. @throws ImageError if it is none of the formats that we read */
export function sniff(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) throw new ImageError('the file is empty (zero bytes)');
  if (bytes.length > maxFileBytes) throw tooManyBytes(bytes.length);
  const at = (offset: number, text: string): boolean =>
    Buffer.from(text, 'latin1').every((byte, i) => bytes[offset + i] === byte);
  if (at(0, '\x89PNG\r\n\x1a\n')) return 'png';
  if (at(0, '\xff\xd8\xff')) return 'jpeg';
  if (at(0, 'RIFF') && at(8, 'WEBP')) return 'webp';
  if (at(0, 'GIF8')) return 'gif';
  if (at(0, 'II*\0') || at(0, 'MM\0*')) return 'tiff';
  if (at(4, 'ftypavif')) return 'avif';
  throw new ImageError('not an image that can be read (expected PNG, JPEG, WebP, GIF, TIFF or AVIF)');
}

export function tooManyBytes(sizeBytes: number): ImageError {
  const mebibytes = Math.ceil(sizeBytes / 1024 / 1024);
  return new ImageError(
    `the file is too large: ${mebibytes} MiB, at most ${maxFileBytes / 1024 / 1024} are read`,
  );
}

/** @throws ImageError for dimensions that are zero or enormous: what the header claims, before anything is decoded */
export function checkDimensions(width: number, height: number): void {
  if (width < 1 || height < 1) throw new ImageError(`the image has no pixels (${width} × ${height})`);
  if (width * height > maxImagePixels) {
    throw new ImageError(
      `the image is enormous: ${width} × ${height} pixels, at most ${maxImagePixels / 1024 / 1024} million are decoded`,
    );
  }
}

export interface PngHeader {
  width: number;
  height: number;
  /** 8 bits, not interlaced, no colour profile: what both decoders agree on to the bit. */
  isPlain: boolean;
  isGrey: boolean;
}

/** Walks the chunks, without looking into them. @throws ImageError if the file ends before its last one */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const truncated = new ImageError('the PNG file is truncated');
  const firstChunk = 8;
  const chunkName = (offset: number): string =>
    String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
  if (bytes.length < 33) throw truncated;
  if (chunkName(firstChunk) !== 'IHDR') {
    throw new ImageError('the PNG file is damaged: it does not begin with its header');
  }
  let isPlain = bytes[24] === 8 && bytes[26] === 0 && bytes[27] === 0 && bytes[28] === 0;
  for (let offset = firstChunk; ; ) {
    if (offset + 12 > bytes.length) throw truncated;
    const end = offset + 12 + view.getUint32(offset);
    if (end > bytes.length) throw truncated;
    const name = chunkName(offset);
    if (name === 'IEND') break;
    // A colour profile has to be applied; transparency of single colours is rare enough for the general decoder.
    if (name === 'iCCP' || name === 'tRNS') isPlain = false;
    offset = end;
  }
  const colourType = bytes[25];
  const isGrey = colourType === 0 || colourType === 4;
  return { width: view.getUint32(16), height: view.getUint32(20), isPlain, isGrey };
}
