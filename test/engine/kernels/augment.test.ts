import { describe, expect, test } from 'vitest';
import {
  augmentationScratch,
  availableKernels,
  cellSize,
  createRandom,
  type Kernels,
  meshCells,
  augmentationRow as places,
  type Random,
  referenceKernels,
  augmentationRowLength as rowLength,
} from '../../../src/engine/index.js';

interface Case {
  channels: number;
  height: number;
  width: number;
  paper: number;
  count: number;
}

/** A row that leaves the image as it is, but for what `shift` adds to every node, in 1/65536 of a pixel. */
function plainRow({ height, width }: Pick<Case, 'height' | 'width'>, shift = { x: 0, y: 0 }): Int32Array {
  const row = new Int32Array(rowLength);
  for (let j = 0; j <= meshCells; j++) {
    for (let i = 0; i <= meshCells; i++) {
      const at = 2 * (j * (meshCells + 1) + i);
      row[at] = (i * cellSize(width) + 1) * 65_536 + shift.x;
      row[at + 1] = (j * cellSize(height) + 1) * 65_536 + shift.y;
    }
  }
  return row;
}

function run(kernels: Kernels, pixels: Uint8Array, rows: Int32Array, c: Case): Uint8Array {
  const changed = pixels.slice();
  const scratch = kernels.allocate(augmentationScratch(c.height, c.width)).fill(Number.NaN);
  kernels.augment(changed, c.count, rows, scratch, c);
  return changed;
}

const image = (random: Random, c: Case): Uint8Array =>
  Uint8Array.from({ length: c.count * c.channels * c.height * c.width }, () => random.below(256));

/** Everything at once: a mesh that folds and leaves the image, and all that comes after it. */
function wildRows(random: Random, c: Case): Int32Array {
  const rows = new Int32Array(c.count * rowLength);
  for (let n = 0; n < c.count; n++) {
    const row = plainRow(c);
    for (let i = 0; i < places.thickness; i++) row[i] += (random.below(6 * 65_536) - 3 * 65_536) | 0;
    row[places.thickness] = random.below(3) === 0 ? 0 : random.below(513) - 256;
    for (let i = 0; i < 4; i++) row[places.cut + i] = random.below(c.width + 8) - 4;
    row[places.noise] = random.below(2) === 0 ? 0 : random.below(256);
    row[places.noiseSeed] = random.u32() | 0;
    row[places.invert] = random.below(2);
    rows.set(row, n * rowLength);
  }
  return rows;
}

const sizes: Case[] = [
  { channels: 1, height: 32, width: 32, paper: 0, count: 17 },
  { channels: 1, height: 28, width: 28, paper: 255, count: 5 },
  { channels: 3, height: 32, width: 32, paper: 0, count: 3 },
  { channels: 3, height: 5, width: 7, paper: 200, count: 9 },
  { channels: 1, height: 1, width: 1, paper: 7, count: 4 },
  { channels: 1, height: 3, width: 61, paper: 127, count: 6 },
  { channels: 2, height: 100, width: 33, paper: 128, count: 2 },
];

describe.each([...availableKernels.values()])('augmentation on $name', (kernels) => {
  test.each(sizes)('gives the bytes of the reference, image $height×$width×$channels', (c) => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = createRandom(seed, c.height, c.width);
      const pixels = image(random, c);
      const rows = wildRows(random, c);
      const found = run(kernels, pixels, rows, c);
      expect(Buffer.compare(found, run(referenceKernels, pixels, rows, c)), `seed ${seed}`).toBe(0);
    }
  });

  test.each(sizes)('takes any numbers as a row, and all alike, image $height×$width×$channels', (c) => {
    const random = createRandom(5, c.height, c.width);
    const pixels = image(random, c);
    for (let attempt = 0; attempt < 10; attempt++) {
      const rows = Int32Array.from({ length: c.count * rowLength }, () => random.u32() | 0);
      const found = run(kernels, pixels, rows, c);
      expect(Buffer.compare(found, run(referenceKernels, pixels, rows, c)), `attempt ${attempt}`).toBe(0);
    }
  });

  test.each(sizes)('of an even mesh changes nothing, image $height×$width×$channels', (c) => {
    const pixels = image(createRandom(3), c);
    const rows = new Int32Array(c.count * rowLength);
    for (let n = 0; n < c.count; n++) rows.set(plainRow(c), n * rowLength);
    expect(Buffer.compare(run(kernels, pixels, rows, c), pixels)).toBe(0);
  });

  const c: Case = { channels: 1, height: 8, width: 8, paper: 10, count: 1 };
  const dot = new Uint8Array(64).fill(10);
  dot[3 * 8 + 4] = 210;

  test('moves by whole pixels exactly, and paper comes in at the edge', () => {
    const all = new Uint8Array(64).fill(99);
    const found = run(kernels, all, plainRow(c, { x: -65_536, y: 2 * 65_536 }), c);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) expect(found[y * 8 + x], `${x},${y}`).toBe(x === 0 || y >= 6 ? 10 : 99);
    }
  });

  test('mixes neighbours by where it falls between them', () => {
    const found = run(kernels, dot, plainRow(c, { x: 65_536 / 4, y: 65_536 / 2 }), c);
    // At (4, 3) a quarter of the way to (5, 3), and half to the line below.
    expect(found[3 * 8 + 4]).toBe(Math.round(10 + 200 * 0.75 * 0.5));
    expect(found[3 * 8 + 3]).toBe(Math.round(10 + 200 * 0.25 * 0.5));
    expect(found[2 * 8 + 4]).toBe(Math.round(10 + 200 * 0.75 * 0.5));
    expect(found.filter((value) => value !== 10)).toHaveLength(4);
  });

  test('thickens ink, bright on dark or dark on bright, and thins it', () => {
    const row = plainRow(c);
    row[places.thickness] = 256;
    const plus = run(kernels, dot, row, c);
    expect(plus.filter((value) => value === 210)).toHaveLength(5);
    row[places.thickness] = 64;
    expect(run(kernels, dot, row, c)[3 * 8 + 5]).toBe(60);
    const negative = dot.map((value) => 255 - value);
    row[places.thickness] = 256;
    const dark = run(kernels, negative, row, { ...c, paper: 245 });
    expect(dark.filter((value) => value === 45)).toHaveLength(5);
    row[places.thickness] = -256;
    expect(run(kernels, plus, row, c)).toEqual(dot);
  });

  test('paints over with paper, then inverts', () => {
    const row = plainRow(c);
    row.set([2, 3, 5, 4], places.cut);
    expect(run(kernels, dot, row, c)).toEqual(new Uint8Array(64).fill(10));
    row[places.invert] = 1;
    row[places.cut + 2] = 3;
    expect(run(kernels, dot, row, c)[3 * 8 + 4]).toBe(45);
  });

  test('noise keeps to its strength, lies around zero, and follows its seed', () => {
    const big: Case = { channels: 1, height: 64, width: 64, paper: 0, count: 1 };
    const grey = new Uint8Array(64 * 64).fill(128);
    const row = plainRow(big);
    row[places.noise] = 40;
    row[places.noiseSeed] = 12;
    const found = run(kernels, grey, row, big);
    const changes = [...found].map((value) => value - 128);
    expect(Math.max(...changes)).toBeLessThanOrEqual(40);
    expect(Math.min(...changes)).toBeGreaterThanOrEqual(-40);
    const mean = changes.reduce((a, b) => a + b, 0) / changes.length;
    expect(Math.abs(mean)).toBeLessThan(2);
    const deviation = Math.sqrt(changes.reduce((a, b) => a + b * b, 0) / changes.length);
    // Triangular over ±40: 40/√6.
    expect(deviation).toBeGreaterThan(15);
    expect(deviation).toBeLessThan(18);
    row[places.noiseSeed] = 13;
    expect(Buffer.compare(run(kernels, grey, row, big), found)).not.toBe(0);
  });
});
