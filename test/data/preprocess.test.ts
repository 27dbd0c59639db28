import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultPreprocessing, type Preprocessing, preprocess, type RawImage } from '../../src/data/index.js';
import { createRandom } from '../../src/engine/index.js';
import { difference, drawFigure, inverted } from './support.js';

const grey = defaultPreprocessing;
const rgb: Preprocessing = { ...grey, color: 'rgb' };

/** Columns and rows of a sample that hold ink: first and last, counted from 0. */
function inkBox(
  sample: Uint8Array,
  width: number,
): { left: number; right: number; top: number; bottom: number } {
  const box = { left: width, right: -1, top: sample.length / width, bottom: -1 };
  for (let i = 0; i < sample.length; i++) {
    if (sample[i] < 64) continue;
    const x = i % width;
    const y = (i - x) / width;
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/** The same figure as 28-pixel files have it: nearly black and white. */
function binarised(image: RawImage): RawImage {
  return {
    ...image,
    pixels: image.pixels.map((value) => Math.min(255, Math.max(0, (value - 135) * 8 + 128))),
  };
}

describe('polarity', () => {
  test('an inverted image gives the same bytes', () => {
    for (const p of [grey, rgb]) {
      for (const drawing of [{}, { size: 80, stroke: 12 }, { width: 28, height: 28, size: 10, stroke: 2 }]) {
        const image = drawFigure(drawing);
        expect(preprocess(inverted(image), p)).toEqual(preprocess(image, p));
      }
    }
  });

  test('ink is bright on black, whatever the paper', () => {
    const chalk = drawFigure({ paper: () => [40, 60, 45], ink: [230, 230, 220] });
    const sample = preprocess(chalk, grey);
    expect(sample[0]).toBe(0);
    expect(Math.max(...sample)).toBe(255);
    expect(difference(sample, preprocess(drawFigure(), grey))).toBeLessThan(4);
  });

  test('polarity "keep" shows the brightness of the file', () => {
    const p: Preprocessing = { ...grey, polarity: 'keep' };
    const image = drawFigure();
    const sample = preprocess(image, p);
    expect(sample[0]).toBe(240);
    expect(Math.min(...sample)).toBeLessThan(120);
    expect(preprocess(inverted(image), p)[0]).toBe(15);
  });
});

describe('what does not change a sample much', () => {
  const plain = preprocess(drawFigure(), grey);

  test.each([
    ['whole pixels', 23, 61, 0.01],
    ['half a pixel', 50.5, 49.5, 6],
    ['a corner', 22, 22, 0.01],
  ])('where on the paper: %s', (_, centreX, centreY, limit) => {
    expect(difference(preprocess(drawFigure({ centreX, centreY }), grey), plain)).toBeLessThan(limit);
  });

  test('how large on the paper', () => {
    const doubled = drawFigure({ width: 300, height: 300, size: 80, stroke: 8 });
    expect(difference(preprocess(doubled, grey), plain)).toBeLessThan(6);
  });

  test('what shape the paper has', () => {
    expect(difference(preprocess(drawFigure({ width: 210, height: 70 }), grey), plain)).toBeLessThan(0.01);
  });

  test.each([
    ['pale pencil', { ink: [200, 200, 200] }],
    ['blue ink', { ink: [50, 60, 190] }],
    ['red ink', { ink: [200, 40, 50] }],
    ['yellow paper', { paper: () => [250, 240, 160] }],
  ])('the colours: %s', (_, drawing) => {
    expect(difference(preprocess(drawFigure(drawing), grey), plain)).toBeLessThan(3);
  });

  test('light that falls off across the paper, and the edge of a shadow', () => {
    const falling = drawFigure({
      paper: (x, y) => Array(3).fill(250 - 0.7 * x - 0.5 * y),
      ink: [20, 20, 20],
    });
    const shadowed = drawFigure({ paper: (x) => Array(3).fill(x < 70 ? 240 : 170) });
    expect(difference(preprocess(falling, grey), plain)).toBeLessThan(8);
    expect(difference(preprocess(shadowed, grey), plain)).toBeLessThan(8);
  });

  test('texture of the paper', () => {
    const seed = 3;
    const random = createRandom(seed);
    const paper = (): number[] => Array(3).fill(228 + 6 * random.normal());
    expect(difference(preprocess(drawFigure({ paper }), grey), plain), `seed ${seed}`).toBeLessThan(5);
  });

  test('specks of dust, and a line along the edge of the scan', () => {
    const dusty = drawFigure();
    const black = (x: number, y: number): void => {
      dusty.pixels.fill(0, (y * 100 + x) * 3, (y * 100 + x) * 3 + 3);
    };
    for (const [x, y] of [
      [3, 4],
      [4, 4],
      [96, 12],
      [8, 90],
      [90, 90],
      [90, 91],
    ])
      black(x, y);
    for (let y = 0; y < 100; y++) black(99, y);
    expect(difference(preprocess(dusty, grey), plain)).toBeLessThan(0.5);
  });

  test('a black edge beside pale pencil', () => {
    const drawing = { ink: [205, 205, 205] };
    const scan = drawFigure(drawing);
    for (let y = 0; y < 100; y++) scan.pixels.fill(0, (y * 100 + 97) * 3, (y * 100 + 100) * 3);
    expect(difference(preprocess(scan, grey), preprocess(drawFigure(drawing), grey))).toBeLessThan(1);
  });

  test('that a scan was binarised', () => {
    expect(difference(preprocess(binarised(drawFigure()), grey), plain)).toBeLessThan(10);
  });
});

describe('the digit in the sample', () => {
  test.each([
    ['square', 40, 40],
    ['wide', 90, 30],
    ['tall', 30, 90],
  ])(
    'a %s figure fills the margin box in its longer direction, and is centred in both',
    (_, across, down) => {
      const image: RawImage = {
        width: 100,
        height: 100,
        channels: 1,
        pixels: new Uint8Array(10_000).fill(255),
      };
      for (let y = 50 - down / 2; y < 50 + down / 2; y++) {
        for (let x = 50 - across / 2; x < 50 + across / 2; x++) {
          const isFrame =
            Math.min(x - 50 + across / 2, 49 + across / 2 - x, y - 50 + down / 2, 49 + down / 2 - y) < 5;
          if (isFrame) image.pixels[y * 100 + x] = 0;
        }
      }
      const box = inkBox(preprocess(image, grey), 32);
      expect(Math.abs(box.left + box.right - 31)).toBeLessThanOrEqual(1);
      expect(Math.abs(box.top + box.bottom - 31)).toBeLessThanOrEqual(1);
      const longer = Math.max(box.right - box.left, box.bottom - box.top) + 1;
      // Margin 0.1 on both sides of 1: the ink takes 32 / 1.2 pixels.
      expect(Math.abs(longer - 32 / 1.2)).toBeLessThan(1.5);
      const ratio = (box.right - box.left + 1) / (box.bottom - box.top + 1);
      expect(Math.abs(Math.log(ratio / (across / down)))).toBeLessThan(0.2);
    },
  );

  test('a digit that touches the edge of the paper is not cut further', () => {
    const sample = preprocess(drawFigure({ centreX: 18, centreY: 50 }), grey);
    expect(inkBox(sample, 32).left).toBeGreaterThanOrEqual(2);
  });

  test('two strokes of one digit stay together, a neighbour at the edge does not join', () => {
    const image = drawFigure({ centreX: 40 });
    const bar = (left: number, top: number, width: number): void => {
      for (let y = top; y < top + 4; y++) {
        image.pixels.fill(30, (y * 100 + left) * 3, (y * 100 + left + width) * 3);
      }
    };
    bar(50, 50, 16);
    const both = preprocess(image, grey);
    bar(70, 96, 30);
    expect(preprocess(image, grey)).toEqual(both);
    expect(difference(both, preprocess(drawFigure({ centreX: 40 }), grey))).toBeGreaterThan(3);
  });

  test('without a crop the whole paper is shown, not squeezed', () => {
    const sample = preprocess(drawFigure({ width: 200, height: 100 }), { ...grey, crop: null });
    const box = inkBox(sample, 32);
    expect(box.right - box.left).toBeLessThan(10);
  });

  test('a colour sample has three planes, and keeps the hue of the ink', () => {
    const [red, , blue] = [0, 1, 2].map((c) =>
      preprocess(drawFigure({ ink: [40, 50, 190] }), rgb).subarray(c * 1024, (c + 1) * 1024),
    );
    expect(Math.max(...red)).toBeGreaterThan(2 * Math.max(...blue));
    const black = preprocess(drawFigure(), rgb);
    expect(black.subarray(0, 1024)).toEqual(black.subarray(2048));
  });

  test('other sizes than the default', () => {
    const p = { ...grey, width: 40, height: 20 };
    expect(preprocess(drawFigure(), p)).toHaveLength(800);
    expect(inkBox(preprocess(drawFigure(), p), 40).bottom).toBeLessThan(20);
  });
});

describe('images without a digit', () => {
  test.each([
    ['white', 100, 100, 255],
    ['black', 100, 100, 0],
    ['one pixel', 1, 1, 7],
    ['one row', 50, 1, 90],
  ])('%s becomes zeros', (_, width, height, value) => {
    const image: RawImage = {
      width,
      height,
      channels: 1,
      pixels: new Uint8Array(width * height).fill(value),
    };
    expect(new Set(preprocess(image, grey))).toEqual(new Set([0]));
  });

  test('noise of any size and kind gives a sample, never an error', () => {
    const seed = 11;
    const random = createRandom(seed);
    for (let round = 0; round < 200; round++) {
      const channels = round % 2 === 0 ? 1 : 3;
      const width = 1 + random.below(40);
      const height = 1 + random.below(40);
      const pixels = Uint8Array.from({ length: width * height * channels }, () => random.below(256));
      const p = { ...(round % 3 === 0 ? rgb : grey), polarity: round % 5 === 0 ? 'keep' : 'auto' } as const;
      expect(preprocess({ width, height, channels, pixels }, p), `seed ${seed}`).toHaveLength(
        p.color === 'rgb' ? 3072 : 1024,
      );
    }
  });
});

function fading(x: number): number[] {
  return Array(3).fill(230 - x / 4);
}

function hashOf(p: Preprocessing): string {
  const image = drawFigure({ width: 180, height: 150, centreX: 60, paper: fading });
  return createHash('sha256').update(preprocess(image, p)).digest('hex');
}

test('the bytes of version 1: a model trained with them relies on every one', () => {
  const keep = { ...grey, polarity: 'keep' } as const;
  expect({ grey: hashOf(grey), rgb: hashOf(rgb), keep: hashOf(keep) }).toMatchInlineSnapshot(`
    {
      "grey": "089e2bdb0e0efe38783a61cdcee47636f77f562311aa7cd180c0429ac26066fe",
      "keep": "7aed938ce432bcc35d95a94fa930136b4e6c7bf1df40c8c10f94be01d287fafe",
      "rgb": "6aed1a1eb3dd1d5231993235cc869b368cca01fd3981c19a7b33105e4dfe8608",
    }
  `);
});
