import { describe, expect, test } from 'vitest';
import {
  DataError,
  defaultPreprocessing,
  epochOrder,
  type PackManifest,
  parseManifest,
  parsePreprocessing,
  splitIndices,
} from '../../src/data/index.js';
import { sealManifest } from '../../src/data/pack/manifest.js';

function manifestOf(counts: Record<string, number>): PackManifest {
  let first = 0;
  const folders = Object.entries(counts).map(([name, count]) => {
    first += count;
    return { name, first: first - count, count };
  });
  return sealManifest({
    preprocessing: defaultPreprocessing,
    sampleBytes: 1024,
    samplesPerBlock: 1024,
    sampleCount: first,
    blocks: [{ hash: 'ab'.repeat(32), samples: first }],
    folders,
  });
}

describe('the split', () => {
  const manifest = manifestOf({ a: 60, b: 40 });

  test('a fraction is drawn from the seed: every sample on one side', () => {
    const { train, validation } = splitIndices(manifest, { fraction: 0.1 }, 7);
    expect([train.length, validation.length]).toEqual([90, 10]);
    expect([...train, ...validation].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(train).toEqual(train.toSorted());
    expect([...validation]).toMatchInlineSnapshot(`
      [
        9,
        14,
        24,
        32,
        34,
        45,
        54,
        62,
        63,
        68,
      ]
    `);
    expect(splitIndices(manifest, { fraction: 0.1 }, 8).validation).not.toEqual(validation);
  });

  test('a folder is set aside whole', () => {
    const { train, validation } = splitIndices(manifest, { folder: 'b' }, 7);
    expect([train.length, train.at(-1), validation.at(0), validation.at(-1)]).toEqual([60, 59, 60, 99]);
  });

  test('a fraction of nothing trains on everything', () => {
    expect(splitIndices(manifest, { fraction: 0 }, 7).train).toHaveLength(100);
  });

  test.each([
    [{ folder: 'c' }, /validation folder c is not in the data set, which has a, b/],
    [{ fraction: 1 }, /at least 0 and less than 1, found 1/],
    [{ fraction: Number.NaN }, /found NaN/],
    [{ fraction: 0.999 }, /No sample is left to train on/],
  ])('refuses %j', (validate, message) => {
    expect(() => splitIndices(manifest, validate, 1)).toThrow(message);
    expect(() => splitIndices(manifest, validate, 1)).toThrow(DataError);
  });
});

describe('the order of an epoch', () => {
  const train = Uint32Array.from({ length: 12 }, (_, i) => 100 + i);

  test('is a permutation of the training samples that follows from seed and epoch alone', () => {
    const order = epochOrder(train, 5, 0);
    expect(order.toSorted()).toEqual(train);
    expect(epochOrder(train, 5, 0)).toEqual(order);
    expect([...order]).toMatchInlineSnapshot(`
      [
        111,
        106,
        101,
        102,
        105,
        109,
        100,
        104,
        110,
        107,
        108,
        103,
      ]
    `);
    expect([...epochOrder(train, 5, 1)]).toMatchInlineSnapshot(`
      [
        106,
        105,
        100,
        103,
        110,
        102,
        111,
        104,
        109,
        107,
        101,
        108,
      ]
    `);
    expect([...epochOrder(train, 6, 0)]).toMatchInlineSnapshot(`
      [
        102,
        104,
        111,
        108,
        100,
        107,
        101,
        103,
        110,
        106,
        109,
        105,
      ]
    `);
  });
});

describe('what comes over the wire', () => {
  const manifest = manifestOf({ a: 60, b: 40 });
  const altered = (change: (copy: PackManifest) => void): unknown => {
    const copy = structuredClone(manifest);
    change(copy);
    return copy;
  };

  test('a manifest survives JSON, in any order of its fields', () => {
    expect(parseManifest(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
    const reversed = Object.fromEntries(Object.entries(manifest).toReversed());
    expect(parseManifest(reversed)).toEqual(manifest);
  });

  test.each([
    ['another field', (m: PackManifest) => Object.assign(m, { extra: 1 }), /not valid at its top/],
    [
      'no hash',
      (m: PackManifest) => Object.assign(m, { hash: 'x' }),
      /not valid at hash: expected a SHA-256/,
    ],
    [
      'a path',
      (m: PackManifest) => Object.assign(m.folders[0], { name: '../a' }),
      /not valid at folders\.0\.name/,
    ],
    ['other sample bytes', (m: PackManifest) => Object.assign(m, { sampleBytes: 9 }), /samples of 9 bytes/],
    ['a gap', (m: PackManifest) => Object.assign(m.folders[1], { first: 61 }), /b begins at 61, expected 60/],
    [
      'too few samples',
      (m: PackManifest) => Object.assign(m.folders[1], { count: 39 }),
      /the folders hold 99 samples/,
    ],
    [
      'a short block',
      (m: PackManifest) => Object.assign(m.blocks[0], { samples: 99 }),
      /block 0 holds 99 samples/,
    ],
    ['no blocks', (m: PackManifest) => Object.assign(m, { blocks: [] }), /0 blocks for 100 samples/],
    [
      'another block',
      (m: PackManifest) => Object.assign(m.blocks[0], { hash: 'cd'.repeat(32) }),
      /has the hash/,
    ],
    ['another mean', (m: PackManifest) => Object.assign(m.preprocessing, { mean: 0.5 }), /has the hash/],
  ])('refuses a manifest with %s', (_, change, message) => {
    expect(() => parseManifest(altered(change))).toThrow(message);
    expect(() => parseManifest(altered(change))).toThrow(DataError);
  });

  test('a preprocessing is checked field by field', () => {
    expect(parsePreprocessing(JSON.parse(JSON.stringify(defaultPreprocessing)))).toEqual(
      defaultPreprocessing,
    );
    expect(() => parsePreprocessing({ ...defaultPreprocessing, version: 2 })).toThrow(/not valid at version/);
    expect(() => parsePreprocessing({ ...defaultPreprocessing, std: 0 })).toThrow(/not valid at std/);
    expect(() => parsePreprocessing('x')).toThrow(/not valid at the whole description/);
  });
});
