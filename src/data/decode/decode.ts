import type { Sharp } from 'sharp';
import { ImageError } from '../errors.js';
import type { RawImage } from '../types.js';
import {
  checkDimensions,
  type ImageFormat,
  maxImagePixels,
  type PngHeader,
  readPngHeader,
  sniff,
} from './header.js';
import { decodePlainPng, hasAllPixels } from './plain-png.js';

/**
 * Part of every cache key: raise it when the same file may decode to other pixels than before (a new decoder, another limit).
 */
export const decoderVersion = 1;

/**
 * Decodes an image file, whatever its name says. PNGs without transparency or a palette are decoded here, on Node's own zlib, many times faster
 * than by a general decoder for images this small; the less plain ones, and those with something wrong, take pngjs; everything else
 * (JPEG, palettes of few bits, 16 bits, interlaced, …) takes sharp. All give the same pixels where they can read a file.
 *
 * @throws ImageError with a reason that names what is wrong with the file
 */
export async function decodeImage(bytes: Uint8Array): Promise<RawImage> {
  const format = sniff(bytes);
  if (format === 'png') {
    const header = readPngHeader(bytes);
    checkDimensions(header.width, header.height);
    if (header.isPlain) {
      return decodePlainPng(bytes, header.width, header.height) ?? (await decodeWithPngjs(bytes, header));
    }
  }
  return decodeWithSharp(bytes, format);
}

/** Exported for the test that all decoders agree. */
export async function decodeWithPngjs(bytes: Uint8Array, header: PngHeader): Promise<RawImage> {
  if (!hasAllPixels(bytes, header.width, header.height)) {
    throw damaged('png', new Error('its pixels end early'));
  }
  // Imported when it is needed, as sharp is: most sets never do, and every thread would pay for it.
  const { PNG } = await import('pngjs');
  let png: { width: number; height: number; data: Uint8Array };
  try {
    png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw damaged('png', error);
  }
  return layOnWhite(png.data, png.width, png.height, header.isGrey ? 1 : 3);
}

/** Exported for the test that all decoders agree. */
export async function decodeWithSharp(bytes: Uint8Array, format: ImageFormat): Promise<RawImage> {
  const { default: sharp } = await import('sharp');
  // Parallelism is across files here; a cache of operations would only hold memory.
  sharp.concurrency(1);
  sharp.cache(false);
  const open = (limitInputPixels: number | false): Sharp =>
    sharp(bytes, { failOn: 'error', limitInputPixels, autoOrient: true, animated: false });
  try {
    // Only the header is read here; we check its claims ourselves, to name the size.
    const { width, height, channels, space } = await open(false).metadata();
    checkDimensions(width, height);
    const isGrey = channels <= 2 && (space === 'b-w' || space === 'grey16');
    const { data, info } = await open(maxImagePixels)
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return layOnWhite(data, info.width, info.height, isGrey ? 1 : 3);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw damaged(format, error);
  }
}

/** rgba [height][width][4] → what is seen when the image lies on white paper. */
function layOnWhite(rgba: Uint8Array, width: number, height: number, channels: 1 | 3): RawImage {
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const alpha = rgba[4 * i + 3];
    for (let c = 0; c < channels; c++) {
      const value = rgba[4 * i + c];
      pixels[i * channels + c] =
        alpha === 255 ? value : Math.round((value * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels, pixels };
}

/** The decoders' own words, shortened to their first line, without their names for themselves. */
function damaged(format: ImageFormat, error: unknown): ImageError {
  const words = (error instanceof Error ? error.message : String(error)).trim().split('\n')[0].slice(0, 120);
  // A PNG that ends early has been found by its chunks already.
  const isTruncated = format !== 'png' && /end of (file|input|image)|premature|truncat/i.test(words);
  const what = isTruncated ? 'truncated' : 'damaged';
  return new ImageError(`the ${format.toUpperCase()} file is ${what} (${words})`);
}
