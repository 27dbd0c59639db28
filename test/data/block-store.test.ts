import { createHash } from 'node:crypto';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  BlockMismatchError,
  BlockMissingError,
  BlockStore,
  defaultPreprocessing,
} from '../../src/data/index.js';
import { sealManifest } from '../../src/data/pack/manifest.js';

import { temporaryFolder } from './support.js';

/** 150 blocks of two samples of 4 × 4, more than are held open at once; sample i has label i mod 10 and pixels i mod 256. */
const sampleCount = 299;
const blocks = Array.from({ length: 150 }, (_, block) => {
  const samples = [2 * block, 2 * block + 1].filter((index) => index < sampleCount);
  return Uint8Array.from([
    ...samples.map((i) => i % 10),
    ...samples.flatMap((i) => Array<number>(16).fill(i % 256)),
  ]);
});
const hashes = blocks.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
const manifest = sealManifest({
  preprocessing: { ...defaultPreprocessing, width: 4, height: 4 },
  sampleBytes: 16,
  samplesPerBlock: 2,
  sampleCount,
  blocks: hashes.map((hash, i) => ({ hash, samples: blocks[i].length / 17 })),
  folders: [{ name: 'set-a', first: 0, count: sampleCount }],
});

let root: string;
let dispose: () => Promise<void>;
let stores: BlockStore[];

beforeEach(async () => {
  ({ path: root, dispose } = await temporaryFolder());
  stores = [];
});

afterEach(async () => {
  for (const store of stores) store.close();
  await dispose();
});

async function open(
  folder = join(root, 'blocks'),
  onWarning?: (message: string) => void,
): Promise<BlockStore> {
  const store = await BlockStore.open(onWarning === undefined ? { folder } : { folder, onWarning });
  stores.push(store);
  return store;
}

function read(store: BlockStore, ...indices: number[]): { labels: number[]; firstPixels: number[] } {
  const pixels = new Uint8Array(indices.length * 16);
  const labels = new Uint8Array(indices.length);
  store.reader(manifest).read(Uint32Array.from(indices), pixels, labels);
  for (let i = 0; i < indices.length; i++) {
    expect(new Set(pixels.subarray(i * 16, (i + 1) * 16)).size).toBe(1);
  }
  return { labels: [...labels], firstPixels: indices.map((_, i) => pixels[i * 16]) };
}

describe('block store', () => {
  test('reads any samples from the blocks that were put, more of them than are held open', async () => {
    const store = await open();
    for (const [i, bytes] of blocks.entries()) await store.put(hashes[i], bytes);
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < sampleCount; i++)
        expect(read(store, i)).toEqual({ labels: [i % 10], firstPixels: [i % 256] });
    }
    expect(read(store, 298, 0, 0, 77)).toEqual({ labels: [8, 0, 0, 7], firstPixels: [42, 0, 0, 77] });
    expect(() => read(store, sampleCount)).toThrow(RangeError);
  });

  test('says which blocks are missing, ascending and once', async () => {
    const store = await open();
    await store.put(hashes[3], blocks[3]);
    expect(store.missing(manifest, Uint32Array.of(12, 6, 7, 0, 13))).toEqual([0, 6]);
    expect(() => read(store, 0)).toThrow(new BlockMissingError(0));
    expect(() => store.missing(manifest, Uint32Array.of(sampleCount))).toThrow(RangeError);
  });

  test('refuses bytes that are not the block, and names that are no hash', async () => {
    const store = await open();
    await expect(store.put(hashes[0], blocks[1])).rejects.toThrow(BlockMismatchError);
    await expect(store.put('../../escape', blocks[1])).rejects.toThrow(BlockMismatchError);
    expect(() => store.has('../../escape')).toThrow(BlockMismatchError);
    expect(store.has(hashes[0])).toBe(false);
    expect(await readdir(join(root, 'blocks'))).toEqual([]);
  });

  test('several stores share a folder: what one puts, another has, and putting it twice is harmless', async () => {
    const [one, other] = [await open(), await open()];
    expect(other.has(hashes[0])).toBe(false);
    await Promise.all([one.put(hashes[0], blocks[0]), other.put(hashes[0], blocks[0])]);
    expect(read(other, 1).labels).toEqual([1]);
    expect(await readdir(join(root, 'blocks'))).toEqual([`${hashes[0]}.block`]);
    expect(await readFile(join(root, 'blocks', `${hashes[0]}.block`))).toEqual(Buffer.from(blocks[0]));
  });

  test('a damaged file is removed and counts as missing', async () => {
    const store = await open();
    const path = join(root, 'blocks', `${hashes[0]}.block`);
    await writeFile(path, blocks[1]);
    expect(store.missing(manifest, Uint32Array.of(0))).toEqual([0]);
    expect(await readdir(join(root, 'blocks'))).toEqual([]);
    await store.put(hashes[0], blocks[0]);
    expect(read(store, 0).labels).toEqual([0]);
  });

  test('a file that vanished after it was proven is missing again, unless it is open already', async () => {
    const store = await open();
    for (const i of [0, 1]) await store.put(hashes[i], blocks[i]);
    read(store, 0);
    await rm(join(root, 'blocks'), { recursive: true });
    expect(read(store, 1).labels).toEqual([1]);
    expect(() => read(store, 2)).toThrow(new BlockMissingError(1));
    expect(store.missing(manifest, Uint32Array.of(2))).toEqual([1]);
  });

  test('keeps blocks in memory where the folder cannot be written, and warns once', async () => {
    await writeFile(join(root, 'file'), '');
    const warnings: string[] = [];
    const store = await open(join(root, 'file', 'blocks'), (message) => warnings.push(message));
    for (const i of [0, 1]) await store.put(hashes[i], blocks[i]);
    expect(warnings).toEqual([expect.stringMatching(/^Data blocks are kept in memory/)]);
    expect(read(store, 0, 3)).toEqual({ labels: [0, 3], firstPixels: [0, 3] });
    expect(store.missing(manifest, Uint32Array.of(0, 4))).toEqual([2]);
  });
});

/** Where the limited store keeps its blocks. */
const folder = (): string => join(root, 'blocks');

async function kept(): Promise<number[]> {
  return (await readdir(folder())).map((name) => hashes.indexOf(name.slice(0, 64))).toSorted((a, b) => a - b);
}

/** Makes the block one that was last used so many minutes ago. */
async function age(block: number, minutes: number): Promise<void> {
  const then = new Date(Date.now() - 60_000 * minutes);
  await utimes(join(folder(), `${hashes[block]}.block`), then, then);
}

async function limited(blocksAllowed: number): Promise<BlockStore> {
  const store = await BlockStore.open({ folder: folder(), maxBytes: blocksAllowed * 34 });
  stores.push(store);
  return store;
}

describe('a limit', () => {
  test('makes the blocks go that were not used for longest, of whatever run; what else is in the folder stays', async () => {
    const before = await open();
    for (const block of [0, 1, 2, 3]) await before.put(hashes[block], blocks[block]);
    for (const [block, minutes] of [
      [0, 30],
      [1, 40],
      [2, 20],
      [3, 10],
    ] as const)
      await age(block, minutes);
    await writeFile(join(folder(), 'note.txt'), 'x'.repeat(10_000));
    const store = await limited(3);
    await store.put(hashes[4], blocks[4]);
    await rm(join(folder(), 'note.txt'));
    expect(await kept()).toEqual([2, 3, 4]);
    expect(store.has(hashes[0])).toBe(false);
  });

  test('spares what is in use, even if that is more than allowed', async () => {
    const store = await limited(2);
    for (const block of [0, 1, 2, 3]) await store.put(hashes[block], blocks[block]);
    expect(await kept()).toEqual([0, 1, 2, 3]);
    for (const block of [0, 1, 2, 3]) await age(block, 5);
    // Another process finds block 0 and uses it.
    const other = await limited(2);
    expect(other.missing(manifest, Uint32Array.of(0, 1))).toEqual([]);
    await other.put(hashes[4], blocks[4]);
    expect(await kept()).toEqual([0, 4]);
    // The first one did not see that happen; once a reader has missed the block, it looks again.
    expect(store.has(hashes[1])).toBe(true);
    store.forget(hashes[1]);
    expect(store.has(hashes[1])).toBe(false);
  });
});
