import { createRandom, permutation } from '../../engine/index.js';
import { DemoSetError } from './errors.js';
import { testingOnlyFonts, trainingFonts } from './fonts.js';

/** What is in one folder, before anything is drawn. */
export interface FolderPlan {
  name: string;
  /** In file order. */
  images: { filename: string; digit: number; writer: number }[];
  /** Key of this folder's random numbers, so that one folder does not depend on which others are asked for. */
  key: number;
  /** For each digit, the fonts (numbers in `demoFonts`) its writers choose from. */
  usable: number[][];
  /** Share of writers whose pages were photographed instead of scanned. */
  phoneShare: number;
}

/** Sized so that drawing, training and testing together take about a minute on two slow cores. */
export const defaultPerFolder: Readonly<Record<string, number>> = {
  'training-a': 2000,
  'training-b': 800,
  'testing-a': 500,
};

export const demoFonts = [...trainingFonts, ...testingOnlyFonts];

/** Every writer writes each digit twice. */
const imagesPerWriter = 20;
const maximumPerFolder = 100_000;

export const draws = { order: 1, writer: 2, image: 3 } as const;

/** @throws DemoSetError for a folder name or a count that cannot be drawn */
export function planFolders(seed: number, perFolder: Readonly<Record<string, number>>): FolderPlan[] {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new DemoSetError(
      `The seed of the demo set has to be a whole number from 0 to 4294967295, not ${seed}.`,
    );
  }
  return Object.entries(perFolder).map(([name, count]) => planFolder(seed, name, count));
}

function planFolder(seed: number, name: string, count: number): FolderPlan {
  const match = /^(training|testing)-([a-z0-9]+)$/.exec(name);
  if (match === null) {
    throw new DemoSetError(`A folder of the demo set is called training-x or testing-x, not "${name}".`);
  }
  if (!Number.isInteger(count) || count < 1 || count > maximumPerFolder) {
    throw new DemoSetError(`${name} can hold 1 to ${maximumPerFolder} images, not ${count}.`);
  }
  const key = keyOf(name);
  const order = permutation(count, createRandom(seed, key, draws.order));
  const testing = match[1] === 'testing';
  const fonts = testing ? demoFonts : trainingFonts;
  return {
    name,
    key,
    images: Array.from(order, (page, i) => ({
      filename: `${match[2]}${String(i).padStart(5, '0')}.png`,
      digit: page % 10,
      writer: Math.floor(page / imagesPerWriter),
    })),
    usable: Array.from({ length: 10 }, (_, digit) =>
      [...fonts.keys()].filter((font) => !fonts[font]?.without?.includes(digit)),
    ),
    phoneShare: testing ? 0.3 : name === 'training-a' ? 0 : 1,
  };
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
function keyOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The CSV beside a folder. As in the published set, the columns do not stand in the same order everywhere. */
export function csvOf(plan: FolderPlan): string {
  const columns = [
    'filename',
    'original filename',
    'scanid',
    'digit',
    'database name original',
    'contributing team',
    'database name',
  ];
  const ordered = plan.name === 'training-b' ? [...columns.slice(1), 'filename'] : columns;
  const copies = new Map<string, number>();
  const rows = plan.images.map(({ filename, digit, writer }) => {
    const page = `w${String(writer).padStart(4, '0')}_d${digit}`;
    const copy = (copies.get(page) ?? 0) + 1;
    copies.set(page, copy);
    const values: Record<string, string> = {
      filename,
      'original filename': `${page}_${copy}.png`,
      scanid: String(writer),
      digit: String(digit),
      'database name original': 'Onko demo set',
      'contributing team': 'drawn by a program',
      'database name': plan.name,
    };
    return ordered.map((column) => values[column]).join(',');
  });
  return `${[ordered.join(','), ...rows].join('\n')}\n`;
}
