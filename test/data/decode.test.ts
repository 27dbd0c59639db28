import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeWithPngjs, decodeWithSharp } from '../../src/data/decode/decode.js';
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

async function allDecoders(png: Uint8Array): Promise<RawImage> {
  const header = readPngHeader(png);
  expect(header.isPlain).toBe(true);
  const fast = await decodeImage(png);
  expect(fast).toEqual(await decodeWithPngjs(png, header));
  expect(fast).toEqual(await decodeWithSharp(png, 'png'));
  return fast;
}

/** A chunk of a PNG, checksum included. */
function chunk(name: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length);
  bytes.write(name, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), 8 + data.length);
  return bytes;
}

/** 40 × 30 pixels of 8 bits a channel, whatever the compressed bytes hold. */
function pngOf(colourType: number, compressed: Uint8Array): Buffer {
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const header = Buffer.from([0, 0, 0, 40, 0, 0, 0, 30, 8, colourType, 0, 0, 0]);
  const end = chunk('IEND', Buffer.alloc(0));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', compressed), end]);
}

describe('decoders', () => {
  test('the fast ones and the general one give the same pixels for grey, colour, palette and transparency', async () => {
    const grey = await allDecoders(await toSharp(colourful).toColourspace('b-w').png().toBuffer());
    expect(grey.channels).toBe(1);
    const colour = await allDecoders(await toSharp(colourful).png({ adaptiveFiltering: true }).toBuffer());
    expect(colour.pixels).toEqual(colourful.pixels);
    await allDecoders(await toSharp(colourful).png({ palette: true, colours: 256, dither: 0 }).toBuffer());
    const alpha = Buffer.from(Uint8Array.from({ length: 41 * 29 }, (_, i) => i % 256));
    const joined = toSharp(colourful).joinChannel(alpha, { raw: { width: 41, height: 29, channels: 1 } });
    await allDecoders(await joined.png().toBuffer());
  });

  test.each([
    ['grey', 0],
    ['colour', 2],
  ] as const)('every filter that a PNG may use, in %s', async (_, colorType) => {
    const { width, height } = colourful;
    const data = await toSharp(colourful).ensureAlpha().raw().toBuffer();
    for (let filterType = 0; filterType <= 4; filterType++) {
      const png = PNG.sync.write(Object.assign(new PNG({ width, height }), { data }), {
        colorType,
        filterType,
      });
      const image = await allDecoders(png);
      expect([image.width, image.height, image.channels]).toEqual([width, height, colorType === 0 ? 1 : 3]);
      if (colorType === 2) expect(image.pixels).toEqual(colourful.pixels);
    }
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

  test('a PNG whose pixels end early is damaged, not filled with what lies in memory', async () => {
    const whole = deflateSync(Buffer.alloc(41 * 30));
    expect((await decodeImage(pngOf(0, whole))).pixels).toEqual(new Uint8Array(1200));
    for (const pixels of [whole.subarray(0, 8), Buffer.alloc(0), deflateSync(Buffer.alloc(41 * 29))]) {
      expect(await reasonOf(pngOf(0, pixels))).toBe('the PNG file is damaged (its pixels end early)');
    }
    expect(await reasonOf(pngOf(6, whole))).toBe('the PNG file is damaged (its pixels end early)');
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
