import { mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  DataError,
  decodeImage,
  defaultPreprocessing,
  loadFolder,
  type Pack,
  preparePack,
  preprocess,
} from '../../src/data/index.js';
import type { PackOptions } from '../../src/data/pack/prepare.js';
import { csvOf, drawFigure, temporaryFolder, toSharp, writeFigures } from './support.js';

let root: string;
let dispose: () => Promise<void>;
let packs: Pack[];

beforeEach(async () => {
  ({ path: root, dispose } = await temporaryFolder());
  packs = [];
});

afterEach(async () => {
  for (const pack of packs) await pack.close();
  await dispose();
});

async function prepare(changes: Partial<PackOptions> = {}): Promise<Pack> {
  const pack = await preparePack({
    dataDir: root,
    folders: ['set-a'],
    preprocessing: defaultPreprocessing,
    cacheDir: join(root, 'cache'),
    threads: 2,
    maxRejects: 0,
    ...changes,
  });
  packs.push(pack);
  return pack;
}

async function failureOf(changes: Partial<PackOptions> = {}): Promise<string> {
  const error = await prepare(changes).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  return error instanceof Error ? error.message : '';
}

const packFile = async (): Promise<string> => {
  const names = await readdir(join(root, 'cache', 'packs'));
  expect(names).toHaveLength(1);
  return join(root, 'cache', 'packs', names[0]);
};

describe('a pack', () => {
  test('holds the samples of its folders, sorted by name, with labels and names', async () => {
    const names = await writeFigures(root, 'set-a', 70);
    await writeFigures(root, 'set-b', 5);
    const pack = await prepare({ folders: ['set-b', 'set-a'] });
    expect(pack.manifest.folders).toEqual([
      { name: 'set-b', first: 0, count: 5 },
      { name: 'set-a', first: 5, count: 70 },
    ]);
    expect(pack.names(5 + 42)).toBe(`set-a/${names[42]}`);
    expect([...pack.labels.subarray(5)]).toEqual(names.map((_, i) => i % 10));

    const pixels = new Uint8Array(2 * 1024);
    const labels = new Uint8Array(2);
    pack.reader.read(Uint32Array.of(5 + 42, 3), pixels, labels);
    expect([...labels]).toEqual([2, 3]);
    const direct = preprocess(
      await decodeImage(await readFile(join(root, 'set-a', names[42]))),
      defaultPreprocessing,
    );
    expect(pixels.subarray(0, 1024)).toEqual(direct);
    expect(() => pack.reader.read(Uint32Array.of(75), pixels, labels)).toThrow(RangeError);
    expect(() => pack.names(75)).toThrow(RangeError);
    await expect(pack.readBlock(1)).rejects.toThrow(RangeError);

    const block = await pack.readBlock(0);
    expect(block).toHaveLength(75 * 1025);
    expect(block.subarray(0, 75)).toEqual(Buffer.from(pack.labels));
  });

  test('has the same bytes for any number of threads, and wherever the data set lies', async () => {
    await writeFigures(root, 'set-a', 70);
    const reference = await prepare({ threads: 1 });
    const bytes = await reference.readBlock(0);
    for (const threads of [2, 5]) {
      const pack = await prepare({ threads, cacheDir: join(root, `cache-${threads}`) });
      expect(pack.fromCache).toBe(false);
      expect(pack.manifest).toEqual(reference.manifest);
      expect(await pack.readBlock(0)).toEqual(bytes);
    }
    await writeFigures(join(root, 'elsewhere'), 'set-a', 70);
    const moved = await prepare({ dataDir: join(root, 'elsewhere') });
    expect(moved.manifest.hash).toBe(reference.manifest.hash);
  });

  test('cuts large data sets into blocks', async () => {
    await writeFigures(root, 'set-a', 40);
    // 300 × 300 grey: a block of a mebibyte holds eight samples.
    const pack = await prepare({ preprocessing: { ...defaultPreprocessing, width: 300, height: 300 } });
    expect(pack.manifest.blocks.map(({ samples }) => samples)).toEqual([8, 8, 8, 8, 8]);
    const [one, all] = [new Uint8Array(90_000), await pack.readBlock(4)];
    pack.reader.read(Uint32Array.of(34), one, new Uint8Array(1));
    expect(all.subarray(8 + 2 * 90_000, 8 + 3 * 90_000)).toEqual(Buffer.from(one));
  });

  test('reports progress up to its end', async () => {
    await writeFigures(root, 'set-a', 70);
    const seen: number[] = [];
    await prepare({ onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(1);
  });

  test('an abort ends the preparation and leaves nothing behind', async () => {
    await writeFigures(root, 'set-a', 200);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Error('enough'));
    await expect(prepare({ signal: controller.signal, onProgress, threads: 1 })).rejects.toThrow('enough');
    expect(await readdir(join(root, 'cache', 'packs'))).toEqual([]);
  });
});

describe('the cache', () => {
  test('serves the second start, and notices changed files, labels and preprocessing', async () => {
    const [first] = await writeFigures(root, 'set-a', 20);
    const built = await prepare();
    const cached = await prepare();
    expect([built.fromCache, cached.fromCache]).toEqual([false, true]);
    expect(cached.manifest).toEqual(built.manifest);
    expect(cached.labels).toEqual(built.labels);
    expect(cached.names(19)).toBe(built.names(19));

    const time = new Date(1_600_000_000_000);
    await utimes(join(root, 'set-a', first), time, time);
    expect((await prepare()).fromCache).toBe(false);
    await writeFile(join(root, 'set-a.csv'), csvOf(await readdir(join(root, 'set-a'))).replace(',3', ',4'));
    const relabelled = await prepare();
    expect([relabelled.fromCache, relabelled.labels[3]]).toEqual([false, 4]);
    expect((await prepare({ preprocessing: { ...defaultPreprocessing, crop: null } })).fromCache).toBe(false);
    expect((await prepare()).fromCache).toBe(true);
  });

  test.each([
    ['a pixel changed', async (path: string) => flip(path, 3000)],
    ['the footer changed', async (path: string) => flip(path, -100)],
    ['it was cut', async (path: string) => truncate(path, 5000)],
    ['it is empty', async (path: string) => truncate(path, 0)],
  ])('is built again, with a note, when %s', async (_, damage) => {
    await writeFigures(root, 'set-a', 20);
    const { manifest } = await prepare();
    await damage(await packFile());
    const again = await prepare();
    expect(again.fromCache).toBe(false);
    expect(again.manifest).toEqual(manifest);
    expect(again.notes[0]).toMatch(/packed data set in the cache was damaged .* has been built again/);
    expect((await prepare()).fromCache).toBe(true);
  });

  test('keeps only the packs used last', async () => {
    await writeFigures(root, 'set-a', 3);
    for (let size = 8; size < 18; size++) {
      const pack = await prepare({ preprocessing: { ...defaultPreprocessing, width: size, height: size } });
      expect(pack.fromCache).toBe(false);
    }
    expect(await readdir(join(root, 'cache', 'packs'))).toHaveLength(8);
  });

  test('a cache folder that cannot be made is a CacheError', async () => {
    await writeFigures(root, 'set-a', 3);
    await writeFile(join(root, 'file'), '');
    await expect(prepare({ cacheDir: join(root, 'file', 'cache') })).rejects.toMatchObject({
      name: 'CacheError',
      message: expect.stringMatching(/cannot be written .* part of its path is a file/),
    });
  });
});

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset < 0 ? bytes.length + offset : offset] ^= 1;
  await writeFile(path, bytes);
}

/** One folder with every hazard, and three good images. */
async function writeHazards(): Promise<void> {
  const folder = join(root, 'set-a');
  await mkdir(folder, { recursive: true });
  const png = await toSharp(drawFigure({ width: 28, height: 28, size: 12, stroke: 2 }))
    .png()
    .toBuffer();
  const enormous = Buffer.from(png);
  enormous.writeUInt32BE(60_000, 16);
  enormous.writeUInt32BE(60_000, 20);
  const files: Record<string, Uint8Array> = {
    'good.png': png,
    'UPPER.JPG': await toSharp(drawFigure({ width: 70, height: 40, size: 20 }))
      .jpeg()
      .toBuffer(),
    'empty.png': new Uint8Array(),
    'cut.png': png.subarray(0, png.length / 2),
    'text.png': Buffer.from('not a picture'),
    'enormous.png': enormous,
    'eleven.png': png,
    'twice.png': png,
    'quarrel.png': png,
    'unlisted.png': png,
    '.hidden': png,
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  const rows = [
    'good.png,1',
    'upper.jpg,2',
    'empty.png,3',
    'cut.png,4',
    'text.png,5',
    'enormous.png,6',
    'eleven.png,11',
  ];
  rows.push('twice.png,7', 'twice.png,7', 'quarrel.png,8', 'quarrel.png,9', 'gone.png,0', ',5');
  await writeFile(`${folder}.csv`, `filename,digit\r\n${rows.join('\r\n')}\r\n`);
}

const hazards = [
  { name: 'cut.png', reason: expect.stringMatching(/truncated/) },
  { name: 'eleven.png', reason: 'line 8: the label "11" is no digit from 0 to 9' },
  { name: 'empty.png', reason: 'the file is empty (zero bytes)' },
  { name: 'enormous.png', reason: expect.stringMatching(/enormous: 60000 × 60000/) },
  { name: 'gone.png', reason: 'line 13 of the CSV names a file that is missing' },
  { name: 'line 14', reason: 'the CSV row names no file' },
  {
    name: 'quarrel.png',
    reason: 'listed more than once, with different digits: "8" on line 11, "9" on line 12',
  },
  { name: 'text.png', reason: expect.stringMatching(/^not an image/) },
  { name: 'twice.png', reason: 'duplicate: line 10 repeats line 9' },
].map((reject) => ({ folder: 'set-a', ...reject }));

const byName = <T extends { name: string }>(items: readonly T[]): T[] =>
  items.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe('bad files and rows', () => {
  test('each is rejected by name with its reason; the rest is used', async () => {
    await writeHazards();
    const pack = await prepare({ maxRejects: 9 });
    expect([0, 1, 2].map((i) => pack.names(i))).toEqual([
      'set-a/UPPER.JPG',
      'set-a/good.png',
      'set-a/twice.png',
    ]);
    expect([...pack.labels]).toEqual([2, 1, 7]);
    expect(byName(pack.rejects)).toEqual(hazards);
    expect(pack.notes).toEqual(['One file in set-a without a row in set-a.csv: ignored.']);
    const cached = await prepare({ maxRejects: 9 });
    expect([cached.fromCache, cached.rejects, cached.notes]).toEqual([true, pack.rejects, pack.notes]);
  });

  test('too many stop the run with the first few, from the cache too', async () => {
    await writeHazards();
    for (let start = 0; start < 2; start++) {
      expect(await failureOf({ maxRejects: 8 })).toMatch(
        /^9 images or rows are unusable, at most 8 may be\. The first: (set-a\/[^;]+; ){5}and 4 more\. /,
      );
    }
  });

  test('inference takes the same images with labels, and every image without', async () => {
    await writeHazards();
    await writeFile(join(root, 'set-a', 'predictions.csv'), 'filename,digit,confidence\n');
    const options = { folder: `${join(root, 'set-a')}/`, preprocessing: defaultPreprocessing, threads: 2 };
    const labelled = await loadFolder({ ...options, labelled: true });
    expect(labelled.names).toEqual(['UPPER.JPG', 'good.png', 'twice.png']);
    expect([...(labelled.labels ?? [])]).toEqual([2, 1, 7]);
    expect(byName(labelled.rejects)).toEqual(hazards);
    const all = await loadFolder({ ...options, labelled: false });
    expect(all.names).toEqual([
      'UPPER.JPG',
      'eleven.png',
      'good.png',
      'quarrel.png',
      'twice.png',
      'unlisted.png',
    ]);
    expect(all.labels).toBeNull();
    expect(all.pixels).toHaveLength(6 * 1024);
    expect(all.rejects.map(({ name }) => name)).toEqual(['cut.png', 'empty.png', 'enormous.png', 'text.png']);
  });
});

describe('a data set that cannot be used', () => {
  test.each([
    ['the folder is missing', async () => {}, /folder .*set-a does not exist\. Check the path/],
    ['the folder is empty', () => mkdir(join(root, 'set-a')), /folder .*set-a is empty/],
    ['the folder is a file', () => writeFile(join(root, 'set-a'), ''), /set-a is a file; a folder/],
    [
      'the CSV is missing',
      () => writeFigures(root, 'set-a', 2).then(() => rm(join(root, 'set-a.csv'))),
      /label file .*set-a\.csv does not exist\. The labels of set-a are expected there/,
    ],
    [
      'a column is missing',
      () => writeFigures(root, 'set-a', 2).then(() => writeFile(join(root, 'set-a.csv'), 'name,digit\n')),
      /has no column "filename"\. Its columns are "name", "digit"/,
    ],
    [
      'no row names an image',
      () => writeFigures(root, 'set-a', 2).then(() => writeFile(join(root, 'set-a.csv'), 'filename,digit\n')),
      /None of the images in .*set-a has a row in its CSV/,
    ],
    [
      'no image is one',
      async () => {
        await mkdir(join(root, 'set-a'));
        await writeFile(join(root, 'set-a', 'x.png'), 'x');
        await writeFile(join(root, 'set-a.csv'), csvOf(['x.png']));
      },
      /None of the images in .*set-a can be used\. They are: set-a\/x\.png: not an image/,
    ],
  ])('%s', async (_, arrange, message) => {
    await arrange();
    expect(await failureOf({ maxRejects: 100 })).toMatch(message);
  });

  test('folder names that leave the data folder, twins, and none at all', async () => {
    expect(await failureOf({ folders: ['../set-a'] })).toMatch(/"\.\.\/set-a" is no folder name/);
    expect(await failureOf({ folders: ['/etc'] })).toMatch(/is no folder name/);
    expect(await failureOf({ folders: ['set-a', 'set-a'] })).toMatch(/set-a is named twice/);
    expect(await failureOf({ folders: [] })).toMatch(/at least one folder/);
  });
});
