import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import type { RawImage } from '../../src/data/index.js';

/** A temporary folder for one test; `dispose` removes it. */
export async function temporaryFolder(): Promise<{ path: string; dispose: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'onko-data-'));
  return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}

/** What a test draws with: greys of paper and ink, and where a stroke lies. */
export interface Drawing {
  width?: number;
  height?: number;
  /** Centre and size of the figure, in pixels. */
  centreX?: number;
  centreY?: number;
  size?: number;
  /** Width of the stroke in pixels. */
  stroke?: number;
  paper?: (x: number, y: number) => number[];
  ink?: number[];
}

/**
 * An open figure like a 2 without its loop, antialiased, as RGB: three strokes of different length, so that it looks like
 * none of its mirror images.
 */
export function drawFigure(drawing: Drawing = {}): RawImage {
  const { width = 100, height = 100, size = 40, stroke = 4, ink = [30, 30, 30] } = drawing;
  const { centreX = width / 2, centreY = height / 2, paper = () => [240, 240, 240] } = drawing;
  const corners = [
    [-0.5, -0.5],
    [0.4, -0.3],
    [-0.4, 0.5],
    [0.5, 0.5],
  ].map(([x, y]) => [centreX + x * size, centreY + y * size]);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let distance = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 1 < corners.length; i++) {
        distance = Math.min(distance, toSegment(x + 0.5, y + 0.5, corners[i], corners[i + 1]));
      }
      const cover = Math.min(1, Math.max(0, stroke / 2 - distance + 0.5));
      const ground = paper(x, y);
      for (let c = 0; c < 3; c++) {
        pixels[(y * width + x) * 3 + c] = Math.round(ground[c] * (1 - cover) + ink[c] * cover);
      }
    }
  }
  return { width, height, channels: 3, pixels };
}

function toSegment(x: number, y: number, [ax, ay]: number[], [bx, by]: number[]): number {
  const along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
  const t = Math.min(1, Math.max(0, along));
  return Math.sqrt((x - ax - t * (bx - ax)) ** 2 + (y - ay - t * (by - ay)) ** 2);
}

export function inverted(image: RawImage): RawImage {
  return { ...image, pixels: image.pixels.map((value) => 255 - value) };
}

/** Mean absolute difference in grey steps. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

export function toSharp(image: RawImage): Sharp {
  const { width, height, channels } = image;
  return sharp(image.pixels, { raw: { width, height, channels } });
}

/** A folder of PNG figures, each of another size, and its CSV. Files beyond `count` and other CSV lines come from the caller. */
export async function writeFigures(root: string, folder: string, count: number): Promise<string[]> {
  await mkdir(join(root, folder), { recursive: true });
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const name = `${folder.at(-1)}${String(i).padStart(5, '0')}.png`;
    const image = drawFigure({ width: 28, height: 28, size: 8 + (i % 13), stroke: 1.5 + (i % 3) * 0.5 });
    await writeFile(join(root, folder, name), await toSharp(image).greyscale().png().toBuffer());
    names.push(name);
  }
  await writeFile(join(root, `${folder}.csv`), csvOf(names));
  return names;
}

export function csvOf(names: string[]): string {
  return `filename,digit\n${names.map((name, i) => `${name},${i % 10}\n`).join('')}`;
}
