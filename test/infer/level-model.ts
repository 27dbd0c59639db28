import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { defaultPreprocessing } from '../../src/data/index.js';
import type { ModelFile } from '../../src/store/index.js';

const pixels = 100;
/** Class d is an evenly grey image of brightness 28·d. */
const level = (digit: number): number => (28 * digit) / 255;
/** So that the logits of neighbouring levels differ by 4. */
const steepness = 4 / level(1) ** 2;

/**
 * A model made by hand that tells levels of grey: the logit of class d is −steepness · (brightness − level(d))², less what all
 * classes share.
 */
export const levelModel: ModelFile = {
  spec: {
    name: 'levels',
    input: [1, 10, 10],
    layers: [{ type: 'flatten' }, { type: 'linear', units: 10 }, { type: 'softmax' }],
  },
  preprocessing: {
    ...defaultPreprocessing,
    width: 10,
    height: 10,
    polarity: 'keep',
    crop: null,
    mean: 0,
    std: 1,
  },
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  provenance: { origin: 'made by hand' },
  // weight[unit][pixel], then bias[unit]
  parameters: Float32Array.from({ length: 10 * pixels + 10 }, (_, i) =>
    i < 10 * pixels
      ? (2 * steepness * level(Math.floor(i / pixels))) / pixels
      : -steepness * level(i - 10 * pixels) ** 2,
  ),
};

/** P(class `guess`) for an image of class `truth`, by the formula. */
export function levelProbability(truth: number, guess: number): number {
  const powers = Array.from({ length: 10 }, (_, d) => Math.exp(-4 * (d - truth) ** 2));
  return (powers[guess] ?? 0) / powers.reduce((sum, power) => sum + power, 0);
}

export function levelImage(digit: number): Buffer {
  const png = new PNG({ width: 10, height: 10 });
  for (let i = 0; i < pixels; i++) png.data.set([28 * digit, 28 * digit, 28 * digit, 255], i * 4);
  return PNG.sync.write(png, { colorType: 0 });
}

/** `DIR/NAME` with such images, and `DIR/NAME.csv` that calls the first `wrong` of them something else. */
export async function levelFolder(
  dir: string,
  name: string,
  count: number,
  wrong = 0,
): Promise<{ folder: string; digits: number[]; labels: number[] }> {
  const folder = join(dir, name);
  await mkdir(folder, { recursive: true });
  const digits = Array.from({ length: count }, (_, i) => (i * 7) % 10);
  const labels = digits.map((digit, i) => (i < wrong ? (digit + 1) % 10 : digit));
  for (const [i, digit] of digits.entries()) await writeFile(join(folder, fileName(i)), levelImage(digit));
  const rows = labels.map((label, i) => `${fileName(i)},${label}`);
  await writeFile(`${folder}.csv`, `${['filename,digit', ...rows].join('\n')}\n`);
  return { folder, digits, labels };
}

export function fileName(index: number): string {
  return `img${String(index).padStart(4, '0')}.png`;
}
