import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DemoOutputError, DemoSetError, generateDemoSet } from '../../../src/data/demo/index.js';

const perFolder = { 'training-a': 60, 'training-b': 40, 'testing-a': 50 };
let root: string;
let first: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'onko-demo-'));
  first = join(root, 'first');
  await generateDemoSet({ folder: first, seed: 7, perFolder, threads: 1 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** SHA-256 over names and bytes of everything below a folder. */
async function hashOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder, { recursive: true })).toSorted()) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) hash.update(name).update(await readFile(path));
  }
  return hash.digest('hex');
}

async function readCsv(folder: string, name: string): Promise<Record<string, string>[]> {
  const lines = (await readFile(join(folder, `${name}.csv`), 'utf8')).trimEnd().split('\n');
  const columns = lines[0].split(',');
  return lines.slice(1).map((line) => {
    const values = line.split(',');
    expect(values).toHaveLength(columns.length);
    return Object.fromEntries(columns.map((column, i) => [column, values[i]]));
  });
}

async function readPngs(folder: string, name: string): Promise<PNG[]> {
  const files = await readdir(join(folder, name));
  return Promise.all(files.map(async (file) => PNG.sync.read(await readFile(join(folder, name, file)))));
}

describe('what is drawn', () => {
  it('depends on the seed alone, not on the number of threads', async () => {
    const again = join(root, 'again');
    await generateDemoSet({ folder: again, seed: 7, perFolder, threads: 3 });
    expect(await hashOf(again)).toBe(await hashOf(first));
  });

  it('is another set for another seed', async () => {
    const other = join(root, 'other');
    await generateDemoSet({ folder: other, seed: 8, perFolder: { 'training-a': 20 }, threads: 1 });
    for (const name of await readdir(join(other, 'training-a'))) {
      const bytes = await readFile(join(other, 'training-a', name));
      expect(bytes.equals(await readFile(join(first, 'training-a', name)))).toBe(false);
    }
  });

  it('does not change in one folder when another one is left out', async () => {
    const part = join(root, 'part');
    await generateDemoSet({ folder: part, seed: 7, perFolder: { 'testing-a': 50 }, threads: 1 });
    expect(await hashOf(join(part, 'testing-a'))).toBe(await hashOf(join(first, 'testing-a')));
  });
});

describe('the folders', () => {
  it('have a CSV beside them that names every image once, each digit equally often', async () => {
    for (const [name, count] of Object.entries(perFolder)) {
      const rows = await readCsv(first, name);
      const files = await readdir(join(first, name));
      expect(rows.map((row) => row.filename).toSorted()).toEqual(files.toSorted());
      expect(rows).toHaveLength(count);
      for (let digit = 0; digit < 10; digit++) {
        expect(rows.filter((row) => row.digit === String(digit))).toHaveLength(count / 10);
      }
    }
  });

  it("have NumtaDB's columns, in another order in one of them", async () => {
    const headers = await Promise.all(
      Object.keys(perFolder).map(async (name) =>
        (await readFile(join(first, `${name}.csv`), 'utf8')).split('\n')[0].split(','),
      ),
    );
    expect(headers[0]).toEqual([
      'filename',
      'original filename',
      'scanid',
      'digit',
      'database name original',
      'contributing team',
      'database name',
    ]);
    expect(headers[1].at(-1)).toBe('filename');
    expect(headers[1].toSorted()).toEqual(headers[0].toSorted());
    expect(headers[2]).toEqual(headers[0]);
  });

  it('hold scans of one size, and photos of many', async () => {
    const scans = await readPngs(first, 'training-a');
    expect(scans.every((png) => png.width === 180 && png.height === 180)).toBe(true);
    const photos = await readPngs(first, 'training-b');
    expect(new Set(photos.map((png) => `${png.width}×${png.height}`)).size).toBeGreaterThan(20);
    expect(photos.some((png) => png.width !== png.height)).toBe(true);
  });

  it('hold a digit in ink on every picture: some pixels far from the paper, most of them near it', async () => {
    for (const name of Object.keys(perFolder)) {
      for (const png of await readPngs(first, name)) {
        const green = Array.from({ length: png.width * png.height }, (_, i) => png.data[4 * i + 1]);
        const paper = green.toSorted((a, b) => a - b)[Math.floor(green.length / 2)];
        const inked = green.filter((value) => Math.abs(value - paper) > 45).length / green.length;
        expect(inked).toBeGreaterThan(0.002);
        expect(inked).toBeLessThan(0.3);
      }
    }
  });
});

describe('the folder given', () => {
  it('is left alone when it holds this very set', async () => {
    const before = (await stat(join(first, 'training-a', 'a00000.png'))).mtimeMs;
    const seen: { done: number; total: number }[] = [];
    await generateDemoSet({ folder: first, seed: 7, perFolder, onProgress: (p) => seen.push(p) });
    expect((await stat(join(first, 'training-a', 'a00000.png'))).mtimeMs).toBe(before);
    expect(seen).toEqual([{ done: 150, total: 150 }]);
  });

  it('is cleared of another demo set, so that no image stays without its row', async () => {
    const folder = join(root, 'replaced');
    await generateDemoSet({ folder, seed: 1, perFolder: { 'training-a': 30, 'training-x': 10 }, threads: 1 });
    await generateDemoSet({ folder, seed: 1, perFolder: { 'training-a': 10 }, threads: 1 });
    expect((await readdir(folder)).toSorted()).toEqual(['demo-set.json', 'training-a', 'training-a.csv']);
    expect(await readdir(join(folder, 'training-a'))).toHaveLength(10);
  });

  it('is refused when it holds images of somebody else', async () => {
    const folder = join(root, 'foreign');
    await mkdir(join(folder, 'training-a'), { recursive: true });
    await writeFile(join(folder, 'training-a', 'a00000.png'), 'precious');
    await expect(generateDemoSet({ folder, seed: 1, perFolder })).rejects.toThrow(DemoSetError);
    await writeFile(join(folder, 'demo-set.json'), 'not JSON');
    await expect(generateDemoSet({ folder, seed: 1, perFolder })).rejects.toThrow(/Choose an empty folder/);
    expect(await readFile(join(folder, 'training-a', 'a00000.png'), 'utf8')).toBe('precious');
  });

  it('that cannot be written ends in one plain sentence', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    await expect(generateDemoSet({ folder: join(file, 'sub'), seed: 1, perFolder })).rejects.toThrow(
      DemoOutputError,
    );
  });

  it('is drawn anew after an abort', async () => {
    const folder = join(root, 'aborted');
    const abort = new AbortController();
    const counts = { 'training-a': 200 };
    const onProgress = () => abort.abort(new Error('stopped by the test'));
    await expect(
      generateDemoSet({ folder, seed: 3, perFolder: counts, threads: 1, onProgress, signal: abort.signal }),
    ).rejects.toThrow('stopped by the test');
    await generateDemoSet({ folder, seed: 3, perFolder: counts });
    expect(await readdir(join(folder, 'training-a'))).toHaveLength(200);
  });
});

it('reports progress up to the last image', async () => {
  const seen: { done: number; total: number }[] = [];
  const counts = { 'testing-a': 45 };
  await generateDemoSet({
    folder: join(root, 'p'),
    seed: 1,
    perFolder: counts,
    onProgress: (p) => seen.push(p),
  });
  expect(seen.at(-1)).toEqual({ done: 45, total: 45 });
  expect(seen.map((p) => p.done)).toEqual(seen.map((p) => p.done).toSorted((a, b) => a - b));
});

it.each([
  [{ '../up': 10 }, /training-x or testing-x/],
  [{ 'training-a': 0 }, /1 to 100000 images, not 0/],
  [{ 'training-a': 1.5 }, /not 1.5/],
])('refuses %j', async (counts, message) => {
  await expect(generateDemoSet({ folder: join(root, 'never'), seed: 1, perFolder: counts })).rejects.toThrow(
    message,
  );
});

it('refuses a seed that is no 32-bit number', async () => {
  await expect(generateDemoSet({ folder: join(root, 'never'), seed: -1 })).rejects.toThrow(DemoSetError);
});
