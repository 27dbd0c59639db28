import { PNG } from 'pngjs';

/**
 * pixels[channels][height][width], 8 bits each → the picture as a data: URL. One channel is grey, three are red, green, blue. Lines are
 * not filtered: on small drawings that saves no byte, and it takes longer than everything else.
 */
export function pictureUrl(o: {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: number;
}): string {
  const { pixels, width, height } = o;
  const plane = width * height;
  const channels = o.channels === 3 ? 3 : 1;
  const png = new PNG({ width, height });
  png.data = Buffer.allocUnsafe(channels * plane);
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < channels; c++) png.data[channels * i + c] = pixels[c * plane + i];
  const colorType = channels === 3 ? 2 : 0;
  const bytes = PNG.sync.write(png, {
    colorType,
    inputColorType: colorType,
    inputHasAlpha: false,
    filterType: 0,
  });
  return `data:image/png;base64,${bytes.toString('base64')}`;
}
