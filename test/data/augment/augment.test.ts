import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createDraw } from '../../../src/data/augment/draw.js';
import {
  type Augmentation,
  augmentationPresets,
  createAugmenter,
  defaultPreprocessing,
  parseAugmentation,
} from '../../../src/data/index.js';
import {
  availableKernels,
  augmentationRow as places,
  referenceKernels,
  augmentationRowLength as rowLength,
  SpecError,
} from '../../../src/engine/index.js';

const all = parseAugmentation({
  preset: 'strong',
  elastic: 0.05,
  noise: 0.2,
  invert: 0.3,
  cutout: { share: 0.5, size: [0.1, 0.4] },
});
if (all === null) throw new Error('Expected an augmentation.');

const indices = Uint32Array.from({ length: 40 }, (_, i) => i * 37);
const pixels = Uint8Array.from({ length: 40 * 1024 }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 13) & 255);

function augmented(augmentation: Augmentation, o: { seed?: number; epoch?: number; kernels?: string } = {}) {
  const kernels = availableKernels.get(o.kernels ?? 'reference') ?? referenceKernels;
  const { seed = 9 } = o;
  const changed = pixels.slice();
  createAugmenter({ augmentation, preprocessing: defaultPreprocessing, seed, kernels, capacity: 40 })(
    changed,
    indices,
    o.epoch ?? 3,
  );
  return changed;
}

const drawRow = (augmentation: Augmentation, sample: number, epoch = 0, seed = 1): Int32Array => {
  const row = new Int32Array(rowLength);
  createDraw(augmentation, { height: 32, width: 32 }, seed)(row, epoch, sample);
  return row;
};

describe('an augmenter', () => {
  test.each([...availableKernels.keys()])('gives the promised bytes with the kernels %s', (kernels) => {
    // Whoever changes these bytes changes the result of every run that augments: say so in the changelog.
    const hash = createHash('sha256').update(augmented(all, { kernels })).digest('hex');
    expect(hash).toBe('f0e8338da6409d3eefdf66e9bb7c75329a236948ba4a8705202a955ef5812ecd');
  });

  test('does the same to a sample whatever stands beside it', () => {
    const together = augmented(all);
    const alone = createAugmenter({
      augmentation: all,
      preprocessing: defaultPreprocessing,
      seed: 9,
      kernels: referenceKernels,
      capacity: 7,
    });
    for (const position of [39, 0, 17]) {
      const image = pixels.slice(position * 1024, (position + 1) * 1024);
      alone(image, indices.subarray(position, position + 1), 3);
      expect(Buffer.compare(image, together.subarray(position * 1024, (position + 1) * 1024))).toBe(0);
    }
  });

  test('does something else in another epoch, for another seed, and to another sample', () => {
    const found = augmented(all);
    expect(Buffer.compare(augmented(all, { epoch: 4 }), found)).not.toBe(0);
    expect(Buffer.compare(augmented(all, { seed: 10 }), found)).not.toBe(0);
    expect(drawRow(all, 1)).not.toEqual(drawRow(all, 2));
  });

  test('refuses more images than it has room for', () => {
    const augment = createAugmenter({
      augmentation: all,
      preprocessing: defaultPreprocessing,
      seed: 1,
      kernels: referenceKernels,
      capacity: 2,
    });
    expect(() => augment(new Uint8Array(3 * 1024), new Uint32Array(3), 0)).toThrow(RangeError);
  });
});

describe('what is drawn', () => {
  test('keeps to its ranges, and reaches their ends', () => {
    const a = parseAugmentation({ shift: [0, 0.25], thickness: [-0.5, 1], noise: 0.4 });
    if (a === null) throw new Error('Expected an augmentation.');
    const rows = Array.from({ length: 400 }, (_, sample) => drawRow(a, sample));
    const shifts = rows.map((row) => (1 - row[0] / 65_536) / 32);
    const thicknesses = rows.map((row) => row[places.thickness] / 256);
    const noises = rows.map((row) => row[places.noise] / 255);
    for (const [values, least, most] of [
      [shifts, 0, 0.25],
      [thicknesses, -0.5, 1],
      [noises, 0, 0.4],
    ] as const) {
      const width = most - least;
      expect(Math.min(...values)).toBeGreaterThanOrEqual(least - 1e-9);
      expect(Math.max(...values)).toBeLessThanOrEqual(most + 1e-9);
      expect(Math.min(...values)).toBeLessThan(least + 0.05 * width);
      expect(Math.max(...values)).toBeGreaterThan(most - 0.05 * width);
    }
  });

  test('a quarter turn clockwise brings the left edge to the top', () => {
    const row = drawRow({ ...none(), rotate: [90, 90] }, 0);
    // The pixel at the top left comes from the bottom left.
    expect(row[0] / 65_536 - 1).toBeCloseTo(0, 3);
    expect(row[1] / 65_536 - 1).toBeCloseTo(31, 3);
  });

  test('a lean to the right takes the top from further left', () => {
    const row = drawRow({ ...none(), shear: [45, 45] }, 0);
    expect(row[0] / 65_536 - 1).toBeCloseTo(-15.5, 3);
    expect(row[1] / 65_536 - 1).toBeCloseTo(0, 3);
  });

  test('twice the size takes each pixel from half as far from the centre', () => {
    const row = drawRow({ ...none(), scale: [2, 2] }, 0);
    expect(row[0] / 65_536 - 1).toBeCloseTo(15.5 / 2, 3);
  });

  test('nothing asked for is nothing done', () => {
    expect(Buffer.compare(augmented(none()), pixels)).toBe(0);
  });

  test('another range for one thing leaves the others as they were', () => {
    const before = drawRow(all, 5);
    const after = drawRow({ ...all, thickness: [0, 0], noise: 0 }, 5);
    expect([...after.subarray(0, places.thickness)]).toEqual([...before.subarray(0, places.thickness)]);
    expect([...after.subarray(places.cut, places.noise)]).toEqual([
      ...before.subarray(places.cut, places.noise),
    ]);
  });

  test('each thing alone is drawn as it is beside all the others', () => {
    const { elastic, cutout, noise, invert } = all;
    const rigid = { ...none(), rotate: all.rotate, shift: all.shift, scale: all.scale, stretch: all.stretch };
    const alone: [Augmentation, from: number, to: number][] = [
      [{ ...rigid, shear: all.shear, elastic }, 0, places.thickness],
      [{ ...none(), thickness: all.thickness }, places.thickness, places.cut],
      [{ ...none(), cutout }, places.cut, places.noise],
      [{ ...none(), noise }, places.noise, places.invert],
      [{ ...none(), invert }, places.invert, rowLength],
    ];
    for (let sample = 0; sample < 100; sample++) {
      const together = drawRow(all, sample);
      for (const [augmentation, from, to] of alone) {
        const row = drawRow(augmentation, sample);
        expect([...row.subarray(from, to)], `places from ${from}, sample ${sample}`).toEqual([
          ...together.subarray(from, to),
        ]);
      }
    }
  });

  test('cut-outs and negatives come as often as asked for, and lie in the image', () => {
    const a: Augmentation = { ...none(), cutout: { share: 0.25, size: [0.2, 1] }, invert: 0.1 };
    const rows = Array.from({ length: 2000 }, (_, sample) => drawRow(a, sample));
    const cuts = rows.map((row) => row.subarray(places.cut, places.noise)).filter((cut) => (cut[2] ?? 0) > 0);
    expect(cuts.length / 2000).toBeGreaterThan(0.21);
    expect(cuts.length / 2000).toBeLessThan(0.29);
    for (const [left = -1, top = -1, right = 99, bottom = 99] of cuts) {
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(Math.max(right, bottom)).toBeLessThanOrEqual(32);
      expect(Math.min(right - left, bottom - top)).toBeGreaterThanOrEqual(6);
    }
    const inverted = rows.filter((row) => row[places.invert] === 1).length;
    expect(inverted / 2000).toBeGreaterThan(0.075);
    expect(inverted / 2000).toBeLessThan(0.125);
  });
});

function none(): Augmentation {
  const parsed = parseAugmentation({});
  if (parsed === null) throw new Error('Expected an augmentation.');
  return parsed;
}

describe('the spec of an augmentation', () => {
  test('is a preset by name, numbers for both ways, or pairs; what it names stands over the preset', () => {
    expect(parseAugmentation('affine')).toEqual(augmentationPresets.get('affine'));
    expect(parseAugmentation({ rotate: 12 })).toMatchObject({ rotate: [-12, 12], scale: [1, 1], noise: 0 });
    expect(parseAugmentation({ preset: 'affine', rotate: [0, 5] })).toEqual({
      ...augmentationPresets.get('affine'),
      rotate: [0, 5],
    });
  });

  test('is read again as it was written', () => {
    for (const preset of augmentationPresets.values()) {
      expect(parseAugmentation(JSON.parse(JSON.stringify(preset)))).toEqual(preset);
    }
  });

  test.each([null, 'none'])('%j is none', (json) => expect(parseAugmentation(json)).toBeNull());

  test.each([
    ['afine', 'choose one of none, light, affine'],
    [{ rotate: [5, -5] }, 'at rotate: the first must not be larger'],
    [{ rotate: 400 }, 'at rotate'],
    [{ scale: [0, 1] }, 'at scale'],
    [{ scale: 0.1 }, 'at scale'],
    [{ turn: 3 }, 'turn'],
    [{ cutout: { share: 2, size: [0, 1] } }, 'at cutout.share'],
    [7, 'not valid'],
  ])('%j is refused, with the key and what is wrong', (json, message) => {
    expect(() => parseAugmentation(json)).toThrow(SpecError);
    expect(() => parseAugmentation(json)).toThrow(message);
  });
});
