import sharp from 'sharp';
import { loadLettering } from './lettering.js';
import { ChartError, type SheetImage } from './types.js';

const tile = 112;
const gap = 8;
const captionHeight = 20;
const captionSize = 12;
const margin = 20;

/**
 * A grid of images as PNG, row by row, each fitted into a square tile with its caption below. Small images are enlarged
 * without smoothing, so that their pixels can be told apart.
 * @throws ChartError without images or columns, or if an image's bytes do not match its size
 */
export async function renderContactSheet(
  images: readonly SheetImage[],
  columns: number,
): Promise<Uint8Array> {
  if (images.length === 0 || !Number.isInteger(columns) || columns < 1) {
    throw new ChartError('A contact sheet needs at least one image and one column.');
  }
  const captioned = images.some((image) => image.caption !== undefined);
  const across = Math.min(columns, images.length);
  const down = Math.ceil(images.length / across);
  const rowHeight = tile + gap + (captioned ? captionHeight : 0);
  const width = 2 * margin + across * (tile + gap) - gap;
  const height = 2 * margin + down * rowHeight - gap;
  const canvas = Buffer.alloc(3 * width * height, 0xff);
  const lettering = await loadLettering();
  const captions: string[] = [];
  for (const [i, image] of images.entries()) {
    const left = margin + (i % across) * (tile + gap);
    const top = margin + Math.floor(i / across) * rowHeight;
    const fitted = await fit(image);
    const x = left + Math.floor((tile - fitted.width) / 2);
    const y = top + Math.floor((tile - fitted.height) / 2);
    for (let row = 0; row < fitted.height; row++) {
      const from = 3 * row * fitted.width;
      canvas.set(fitted.pixels.subarray(from, from + 3 * fitted.width), 3 * ((y + row) * width + x));
    }
    if (image.caption === undefined || image.caption === '') continue;
    const natural = lettering.widthOf(image.caption, captionSize, 'regular');
    const size = captionSize * Math.min(1, tile / natural);
    const start = left + (tile - lettering.widthOf(image.caption, size, 'regular')) / 2;
    captions.push(lettering.pathOf(image.caption, start, top + tile + 15, size, 'regular'));
  }
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><path fill="#1f2430" d="${captions.join('')}"/></svg>`;
  return sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(overlay) }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** The image with its longer side as long as the tile; RGB. */
async function fit({ pixels, width, height, channels }: SheetImage) {
  if (pixels.length !== width * height * channels || pixels.length === 0) {
    throw new ChartError(
      `An image of ${width}×${height} with ${channels} channels has ${width * height * channels} bytes, not ${pixels.length}.`,
    );
  }
  const scale = tile / Math.max(width, height);
  const { data, info } = await sharp(Buffer.from(pixels), { raw: { width, height, channels } })
    .toColourspace('srgb')
    .resize(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), {
      fit: 'fill',
      kernel: scale > 1.5 ? 'nearest' : 'lanczos3',
    })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return { width: info.width, height: info.height, pixels: data };
  const spread = new Uint8Array(3 * info.width * info.height);
  for (let i = 0; i < spread.length; i++) spread[i] = data[Math.floor(i / 3)];
  return { width: info.width, height: info.height, pixels: spread };
}
