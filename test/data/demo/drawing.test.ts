import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { distanceToEdge, fillContours, thin } from '../../../src/data/demo/bitmap.js';
import { createArtist } from '../../../src/data/demo/draw.js';
import type { Contour } from '../../../src/data/demo/fonts.js';
import { demoFonts, planFolders } from '../../../src/data/demo/layout.js';
import { boxOf, loadLetterforms, resample } from '../../../src/data/demo/letterforms.js';
import { traceStrokes } from '../../../src/data/demo/skeleton.js';

/** A closed rectangle, turned the other way round if it is a hole. */
function rectangle(left: number, top: number, right: number, bottom: number, hole = false): Contour {
  const corners: Contour = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  return hole ? corners.toReversed() : corners;
}

function strokesOf(contours: Contour[]) {
  const bitmap = fillContours(contours, 80, 80);
  return traceStrokes(thin(bitmap), distanceToEdge(bitmap));
}

describe('outlines to strokes', () => {
  it('fills by the non-zero rule and leaves holes open', () => {
    const { bits } = fillContours([rectangle(2, 2, 12, 12), rectangle(5, 5, 9, 9, true)], 16, 16);
    expect(bits.reduce((a, b) => a + b, 0)).toBe(100 - 16);
  });

  it('makes a bar one open stroke', () => {
    const strokes = strokesOf([rectangle(10, 34, 70, 44)]);
    expect(strokes.map((s) => s.closed)).toEqual([false]);
    expect(boxOf(strokes[0].points).width).toBeGreaterThan(45);
  });

  it('makes a frame one closed stroke', () => {
    const strokes = strokesOf([rectangle(10, 10, 70, 70), rectangle(20, 20, 60, 60, true)]);
    expect(strokes.map((s) => s.closed)).toEqual([true]);
  });

  it('makes a cross two strokes that run straight through', () => {
    const strokes = strokesOf([rectangle(10, 36, 70, 44), rectangle(36, 10, 44, 70)]);
    expect(strokes).toHaveLength(2);
    const boxes = strokes.map((s) => boxOf(s.points));
    expect(Math.max(...boxes.map((b) => b.width))).toBeGreaterThan(45);
    expect(Math.max(...boxes.map((b) => b.height))).toBeGreaterThan(45);
    expect(Math.max(...boxes.map((b) => Math.min(b.width, b.height)))).toBeLessThan(6);
  });

  it('keeps the ends and an even distance when it resamples', () => {
    const points = resample(
      [
        { x: 0, y: 0 },
        { x: 1, y: 0 },
        { x: 1, y: 2 },
      ],
      false,
      0.1,
    );
    expect(points).toHaveLength(31);
    expect(points[0]).toEqual({ x: 0, y: 0 });
    expect(points.at(-1)).toEqual({ x: 1, y: 2 });
  });

  it.each(demoFonts.map((face) => [face.family, face] as const))(
    '%s has all ten digits as a few clean strokes',
    async (_, face) => {
      const forms = await loadLetterforms(face);
      expect(forms).toHaveLength(10);
      forms.forEach(({ strokes }, digit) => {
        expect(strokes.length, `digit ${digit}`).toBeGreaterThanOrEqual(1);
        expect(strokes.length, `digit ${digit}`).toBeLessThanOrEqual(3);
        const box = boxOf(strokes.flatMap((s) => s.points));
        expect(box.height).toBeGreaterThan(0.45);
        expect(box.height).toBeLessThan(1.4);
      });
      expect(
        forms[0].strokes.map((s) => s.closed),
        'zero is a ring',
      ).toEqual([true]);
    },
  );
});

describe('pictures', () => {
  it('have the pixels that this seed has always had, on every machine', async () => {
    const artist = await createArtist(20_261_122);
    const hash = createHash('sha256');
    for (const plan of planFolders(20_261_122, { 'training-a': 20, 'training-b': 20, 'testing-a': 20 })) {
      for (const i of plan.images.keys()) {
        const image = artist.draw(plan, i);
        expect(image.pixels).toHaveLength(image.width * image.height * 3);
        hash.update(`${image.width}×${image.height}`).update(image.pixels);
      }
    }
    // Whoever changes the drawing raises drawingVersion in generate.ts and puts the new value here.
    expect(hash.digest('hex')).toBe('27ce60b9946e1b6bed44fa6f618dfdd2ec52d3bbac3bf80a7ef16173c4b4bc9b');
  });

  it('show training folders no hand that only the testing folders have', () => {
    const [training, testing] = planFolders(1, { 'training-a': 10, 'testing-a': 10 });
    const unseen = demoFonts.findIndex((face) => face.family === 'tiro-bangla');
    expect(training.usable.flat()).not.toContain(unseen);
    expect(testing.usable.every((fonts) => fonts.includes(unseen))).toBe(true);
  });
});
