import { PNG } from 'pngjs';

/** pixels[channels][height][width], 8 bits each → the picture as a data: URL. */
export function pictureUrl(o: {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: number;
}): string {
  const { pixels, width, height, channels } = o;
  const plane = width * height;
  const colour = channels === 3;
  const png = new PNG({ width, height });
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) png.data[4 * i + c] = pixels[(colour ? c * plane : 0) + i];
    png.data[4 * i + 3] = 255;
  }
  const bytes = PNG.sync.write(png, { colorType: colour ? 2 : 0 });
  return `data:image/png;base64,${bytes.toString('base64')}`;
}
