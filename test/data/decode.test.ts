import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeWithSharp } from '../../src/data/decode/decode.js';
import { maxFileBytes, readPngHeader } from '../../src/data/decode/header.js';
import { decodeImage, ImageError, type RawImage } from '../../src/data/index.js';
import { drawFigure, toSharp } from './support.js';

/** Paper with a gradient in each channel: every value of a byte occurs. */
const colourful = drawFigure({
  width: 41,
  height: 29,
  size: 20,
  paper: (x, y) => [x * 6, y * 8, (x * y) % 256],
});

async function reasonOf(bytes: Uint8Array): Promise<string> {
  const error = await decodeImage(bytes).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ImageError);
  return error instanceof ImageError ? error.reason : '';
}

async function bothDecoders(png: Uint8Array): Promise<RawImage> {
  expect(readPngHeader(png).isPlain).toBe(true);
  const fast = await decodeImage(png);
  expect(fast).toEqual(await decodeWithSharp(png, 'png'));
  return fast;
}

describe('decoders', () => {
  test('the fast one and the general one give the same pixels for grey, colour, palette and transparency', async () => {
    const grey = await bothDecoders(await toSharp(colourful).toColourspace('b-w').png().toBuffer());
    expect(grey.channels).toBe(1);
    const colour = await bothDecoders(await toSharp(colourful).png({ adaptiveFiltering: true }).toBuffer());
    expect(colour.pixels).toEqual(colourful.pixels);
    await bothDecoders(await toSharp(colourful).png({ palette: true, colours: 256, dither: 0 }).toBuffer());
    const alpha = Buffer.from(Uint8Array.from({ length: 41 * 29 }, (_, i) => i % 256));
    const joined = toSharp(colourful).joinChannel(alpha, { raw: { width: 41, height: 29, channels: 1 } });
    await bothDecoders(await joined.png().toBuffer());
  });

  test.each([
    ['interlaced', (s: Sharp) => s.png({ progressive: true })],
    ['of 4 bits', (s: Sharp) => s.png({ palette: true, colours: 16, dither: 0 })],
    ['of 16 bits', (s: Sharp) => s.toColourspace('rgb16').png()],
  ])('a PNG %s goes to the general decoder', async (_, encode) => {
    const png = await encode(toSharp(colourful)).toBuffer();
    expect(readPngHeader(png).isPlain).toBe(false);
    const image = await decodeImage(png);
    expect([image.width, image.height, image.channels]).toEqual([41, 29, 3]);
    let worst = 0;
    for (let i = 0; i < image.pixels.length; i++) {
      worst = Math.max(worst, Math.abs(image.pixels[i] - colourful.pixels[i]));
    }
    // 16 colours are not the original ones; the others are.
    if (!png.subarray(0, 64).includes('PLTE')) expect(worst).toBeLessThanOrEqual(1);
  });

  test.each(['jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    const image = await decodeImage(await toSharp(drawFigure()).toFormat(format).toBuffer());
    expect([image.width, image.height]).toEqual([100, 100]);
    expect(image.pixels[0]).toBeGreaterThan(200);
  });

  test('a photograph is turned as its orientation says', async () => {
    const image = drawFigure({ width: 60, height: 40 });
    const decoded = await decodeImage(
      await toSharp(image).jpeg().withMetadata({ orientation: 6 }).toBuffer(),
    );
    expect([decoded.width, decoded.height]).toEqual([40, 60]);
  });

  test('transparency lies on white paper', async () => {
    const clear = { width: 3, height: 2, channels: 4 as const, background: { r: 0, g: 0, b: 0, alpha: 0 } };
    const { pixels } = await decodeImage(await sharp({ create: clear }).png().toBuffer());
    expect([...new Set(pixels)]).toEqual([255]);
  });
});

describe('files that are no usable images', () => {
  test('empty, text, vector graphics and a foreign extension are refused by their bytes', async () => {
    expect(await reasonOf(new Uint8Array())).toBe('the file is empty (zero bytes)');
    expect(await reasonOf(Buffer.from('hello'))).toMatch(/^not an image/);
    expect(await reasonOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toMatch(/^not an image/);
    expect(await reasonOf(new Uint8Array(maxFileBytes + 1))).toMatch(/too large: 33 MiB, at most 32/);
  });

  test('a PNG cut anywhere is truncated, never a hang or a picture', async () => {
    const png = await toSharp(drawFigure({ width: 12, height: 9, size: 6 }))
      .png()
      .toBuffer();
    for (let length = 9; length < png.length; length++) {
      expect(await reasonOf(png.subarray(0, length)), `cut at ${length}`).toMatch(/PNG file is truncated/);
    }
  });

  test('a JPEG cut in half is truncated', async () => {
    const jpeg = await toSharp(drawFigure()).jpeg().toBuffer();
    expect(await reasonOf(jpeg.subarray(0, jpeg.length / 2))).toMatch(/JPEG file is truncated/);
  });

  test('a PNG with a flipped bit in its pixels is damaged', async () => {
    const png = Buffer.from(await toSharp(colourful).png().toBuffer());
    png[png.length - 100] ^= 1;
    expect(await reasonOf(png)).toMatch(/PNG file is damaged/);
  });

  test('an enormous image is refused by what its header claims', async () => {
    const png = Buffer.from(
      await toSharp(drawFigure({ width: 8, height: 8, size: 5 }))
        .png()
        .toBuffer(),
    );
    png.writeUInt32BE(100_000, 16);
    png.writeUInt32BE(100_000, 20);
    expect(await reasonOf(png)).toMatch(/^the image is enormous: 100000 × 100000 pixels/);
    const wide = { width: 16_000, height: 2_000, channels: 3 as const, background: '#fff' };
    const jpeg = await sharp({ create: wide }).jpeg().toBuffer();
    expect(await reasonOf(jpeg)).toMatch(/^the image is enormous: 16000 × 2000 pixels, at most 16 million/);
  });
});
