import { z } from 'zod';
import { SpecError } from '../../engine/index.js';

export type Range = [least: number, most: number];

/**
 * What may be done to the images that a model is trained on, never to those that it is tested on. Every range is drawn from
 * evenly, for each image of each epoch anew. What is left out is not done.
 */
export interface Augmentation {
  /** Degrees, clockwise. */
  rotate: Range;
  /** Right, and down, drawn apart; in widths and heights of the image. */
  shift: Range;
  /** Factor; 1 keeps the size. */
  scale: Range;
  /** Factor of the width, whose inverse is that of the height. */
  stretch: Range;
  /** Degrees by which upright strokes lean to the right. */
  shear: Range;
  /** Largest displacement of each of the 5×5 points of an uneven sheet, in sides of the image. */
  elastic: number;
  /** 1: strokes grow by a pixel on each side; −1: they lose one. */
  thickness: Range;
  /** In `share` of the images a rectangle is painted over with paper; its sides are drawn from `size`, in sides of the image. */
  cutout: { share: number; size: Range };
  /** Largest change of a pixel by noise, drawn for each image between 0 and this; 1 is the way from black to white. */
  noise: number;
  /** Share of the images that are turned into their negatives. */
  invert: number;
}

const none: Augmentation = {
  rotate: [0, 0],
  shift: [0, 0],
  scale: [1, 1],
  stretch: [1, 1],
  shear: [0, 0],
  elastic: 0,
  thickness: [0, 0],
  cutout: { share: 0, size: [0.1, 0.3] },
  noise: 0,
  invert: 0,
};

/** Beginnings to choose from by name; `affine` is what the recipes have found to serve digits well (docs/accuracy.md). */
export const augmentationPresets: ReadonlyMap<string, Augmentation> = new Map([
  ['light', { ...none, rotate: [-8, 8], shift: [-0.05, 0.05], scale: [0.92, 1.08], shear: [-5, 5] }],
  [
    'affine',
    {
      ...none,
      rotate: [-15, 15],
      shift: [-0.08, 0.08],
      scale: [0.85, 1.15],
      stretch: [0.9, 1.1],
      shear: [-10, 10],
    },
  ],
  [
    'elastic',
    {
      ...none,
      rotate: [-15, 15],
      shift: [-0.08, 0.08],
      scale: [0.85, 1.15],
      stretch: [0.9, 1.1],
      shear: [-10, 10],
      elastic: 0.03,
      thickness: [-0.4, 0.6],
    },
  ],
  [
    'strong',
    {
      ...none,
      rotate: [-20, 20],
      shift: [-0.1, 0.1],
      scale: [0.8, 1.2],
      stretch: [0.85, 1.18],
      shear: [-15, 15],
      elastic: 0.045,
      thickness: [-0.6, 0.9],
      cutout: { share: 0.3, size: [0.1, 0.3] },
      noise: 0.15,
    },
  ],
] satisfies [string, Augmentation][]);

/** `12` is short for `[-12, 12]`, where nothing done is 0. */
function around(most: number) {
  const pair = z.tuple([z.number().min(-most).max(most), z.number().min(-most).max(most)]);
  return z
    .union([
      z
        .number()
        .min(0)
        .max(most)
        .transform((value): Range => [0 - value, value]),
      pair,
    ])
    .refine(([a, b]) => a <= b, 'the first must not be larger than the second');
}

function between(least: number, most: number) {
  const value = z.number().min(least).max(most);
  return z.tuple([value, value]).refine(([a, b]) => a <= b, 'the first must not be larger than the second');
}

const share = z.number().min(0).max(1);
const schema = z.strictObject({
  preset: z.string().optional(),
  rotate: around(180).optional(),
  shift: around(0.5).optional(),
  scale: between(0.25, 4).optional(),
  stretch: between(0.5, 2).optional(),
  shear: around(60).optional(),
  elastic: z.number().min(0).max(0.25).optional(),
  thickness: around(1).optional(),
  cutout: z.strictObject({ share, size: between(0, 1) }).optional(),
  noise: share.optional(),
  invert: share.optional(),
});

/**
 * Reads `"affine"`, or an object like `{"rotate": 12, "scale": [0.9, 1.1]}` or `{"preset": "affine", "noise": 0.1}`, and fills in
 * all that it does not name, so that a run's spec says what it ran with. Null and "none" are no augmentation.
 *
 * @throws SpecError naming the key, or the preset and those there are
 */
export function parseAugmentation(json: unknown): Augmentation | null {
  if (json === null || json === 'none') return null;
  if (typeof json === 'string') return presetOf(json);
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    throw new SpecError(`The augmentation is not valid${where}: ${issue?.message ?? 'unreadable'}.`);
  }
  const { preset, ...own } = parsed.data;
  const named = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...(preset === undefined ? none : presetOf(preset)), ...named };
}

function presetOf(name: string): Augmentation {
  const found = augmentationPresets.get(name);
  if (found !== undefined) return found;
  throw new SpecError(
    `There is no augmentation named "${name}": choose one of none, ${[...augmentationPresets.keys()].join(', ')}, or a JSON object like {"rotate": 12}.`,
  );
}
