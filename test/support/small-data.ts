import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { createRandom, type Random } from '../../src/engine/index.js';

const sizePx = 20;

/**
 * A data set in the shape of NumtaDB that a small network learns in a few steps: dark strokes on light paper, one
 * segment display digit per image, jittered and noisy. The same seed gives the same files.
 *
 * @param folders images per folder, as in `{ 'training-a': 128 }`; labels go round 0…9
 */
export async function writeSmallSet(
  dataDir: string,
  folders: Record<string, number>,
  seed = 1,
): Promise<void> {
  for (const [order, [folder, count]] of Object.entries(folders).entries()) {
    const random = createRandom(seed, order);
    await mkdir(join(dataDir, folder), { recursive: true });
    const rows = ['filename,original filename,digit'];
    for (let i = 0; i < count; i++) {
      const digit = i % 10;
      const name = `${folder.at(-1) ?? 'x'}${String(i).padStart(5, '0')}.png`;
      await writeFile(join(dataDir, folder, name), drawDigit(digit, random));
      rows.push(`${name},scan${i},${digit}`);
    }
    await writeFile(join(dataDir, `${folder}.csv`), `${rows.join('\n')}\n`);
  }
}

/** A temporary folder that `dispose` removes with everything in it. */
export async function temporaryFolder(): Promise<{ path: string; dispose(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'onko-test-'));
  return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}

/** Segments of a seven-segment display, as [x0, y0, x1, y1] in a box of 8 × 12. */
const segments: readonly (readonly [number, number, number, number])[] = [
  [0, 0, 7, 1],
  [6, 0, 7, 6],
  [6, 6, 7, 11],
  [0, 10, 7, 11],
  [0, 6, 1, 11],
  [0, 0, 1, 6],
  [0, 5, 7, 6],
];
/** Bit i of a digit's number is segment i. */
const segmentsOf = [
  0b0111111, 0b0000110, 0b1011011, 0b1001111, 0b1100110, 0b1101101, 0b1111101, 0b0000111, 0b1111111,
  0b1101111,
];

function drawDigit(digit: number, random: Random): Buffer {
  const png = new PNG({ width: sizePx, height: sizePx, colorType: 0 });
  const left = 4 + random.below(5);
  const top = 2 + random.below(5);
  const isInk = (x: number, y: number): boolean =>
    segments.some(
      ([x0, y0, x1, y1], i) =>
        ((segmentsOf[digit] ?? 0) >> i) % 2 === 1 &&
        x - left >= x0 &&
        x - left <= x1 &&
        y - top >= y0 &&
        y - top <= y1,
    );
  for (let y = 0; y < sizePx; y++) {
    for (let x = 0; x < sizePx; x++) {
      const brightness = isInk(x, y) ? 20 + random.below(60) : 200 + random.below(50);
      png.data.fill(brightness, (y * sizePx + x) * 4, (y * sizePx + x) * 4 + 3);
      png.data[(y * sizePx + x) * 4 + 3] = 255;
    }
  }
  return PNG.sync.write(png, { colorType: 0 });
}
