import { describe, expect, test } from 'vitest';
import {
  addSparse,
  createRandom,
  decodeSparse,
  encodedBytes,
  encodeSparse,
  keptValues,
  type Random,
  referenceKernels,
  type SparseForm,
  type SparseValues,
} from '../../src/engine/index.js';

const kernels = referenceKernels;
const seed = Number(process.env['ONKO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Values that half floats hold, so that they come back as they were. */
function draw(random: Random, { count, learnt, kept }: SparseForm): SparseValues {
  const order = Float32Array.from({ length: learnt }, () => random.float());
  const places = new Int32Array(kept);
  kernels.selectLargest(places, order);
  return {
    places,
    values: Float32Array.from({ length: kept }, () => (random.below(2048) - 1024) / 16),
    rest: Float32Array.from({ length: count - learnt }, () => random.normal()),
  };
}

function read(form: SparseForm, bytes: Uint8Array): SparseValues {
  const found = decodeSparse(kernels, form, bytes);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

const hex = ({ buffer, byteOffset, byteLength }: Uint8Array | Int32Array | Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('hex');

describe('what is written', () => {
  test('is what is read, for any form', () => {
    const random = createRandom(seed);
    for (let i = 0; i < 400; i++) {
      const learnt = 1 + random.below(i % 20 === 0 ? 40_000 : 900);
      const kept = 1 + random.below(i % 3 === 0 ? Math.min(learnt, 5) : learnt);
      const form = { learnt, kept, count: learnt + random.below(3) * random.below(20) };
      const sparse = draw(random, form);
      const before = [sparse.places, sparse.values, sparse.rest].map(hex);
      const bytes = encodeSparse(kernels, form, sparse);
      expect(bytes.length % 4).toBe(0);
      const found = read(form, bytes);
      const after = [found.places, found.values, found.rest].map(hex);
      expect(after, `ONKO_TEST_SEED=${seed}, ${i}`).toEqual(before);
    }
  });

  test('rounds the values, and says to what', () => {
    const form = { count: 8, learnt: 8, kept: 2 };
    const sparse = {
      places: Int32Array.of(1, 7),
      values: Float32Array.of(1 + 2 ** -20, -3),
      rest: new Float32Array(0),
    };
    const bytes = encodeSparse(kernels, form, sparse);
    expect([...sparse.values]).toEqual([1, -3]);
    expect(read(form, bytes).values).toEqual(sparse.values);
  });

  test('takes gaps where few are kept and bits where many are, and never more than either', () => {
    const random = createRandom(3);
    const bytesOf = (kept: number): number => {
      const form = { count: 10_000, learnt: 10_000, kept };
      return encodeSparse(kernels, form, draw(random, form)).length - encodedBytes('fp16', kept);
    };
    expect(bytesOf(1)).toBe(4);
    // At one in a hundred a gap takes one byte or two.
    expect(bytesOf(100)).toBeLessThan(160);
    expect(bytesOf(3000)).toBe(1252);
    expect(bytesOf(10_000)).toBe(1252);
  });

  test('golden bytes', () => {
    const gaps = { count: 1001, learnt: 1000, kept: 3 };
    const few = {
      places: Int32Array.of(0, 1, 300),
      values: Float32Array.of(1, -2, 0.5),
      rest: Float32Array.of(7),
    };
    expect(hex(encodeSparse(kernels, gaps, few))).toBe(
      '00000040 003800bc0034 0000 0000e040 0000aa02'.replaceAll(' ', ''),
    );
    const bits = { count: 9, learnt: 9, kept: 2 };
    const many = { places: Int32Array.of(1, 8), values: Float32Array.of(1, 1), rest: new Float32Array(0) };
    expect(hex(encodeSparse(kernels, bits, many))).toBe('0000803f 003c003c 02010000'.replaceAll(' ', ''));
  });
});

describe('what nobody writes is refused', () => {
  const form = { count: 1003, learnt: 1000, kept: 3 };
  const good = encodeSparse(kernels, form, {
    places: Int32Array.of(5, 600, 999),
    values: Float32Array.of(1, 2, 3),
    rest: Float32Array.of(1, 2, 3),
  });
  const first = encodedBytes('fp16', 3) + 12;
  /** The same values at places that are written thus. */
  const withPlaces = (...places: number[]): Uint8Array =>
    Uint8Array.of(...good.subarray(0, first), ...places);
  const bitmap = (...set: number[]): Uint8Array => {
    const bits = new Uint8Array(128);
    for (const place of set) bits[place >>> 3] |= 1 << (place & 7);
    return withPlaces(...bits);
  };

  test('but what somebody writes is read', () => {
    expect([...read(form, withPlaces(5, 210, 4, 142, 3, 0, 0, 0)).places]).toEqual([5, 600, 999]);
    expect([...read(form, bitmap(5, 600, 999)).places]).toEqual([5, 600, 999]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /expected 24 bytes of values and up to 128 of places, got 0 bytes/],
    ['values alone', withPlaces(), /expected 3 places, got 0/],
    ['no multiple of four', withPlaces(5, 1, 1, 0, 0), /got 29 bytes/],
    ['more than a bit for each', withPlaces(...new Uint8Array(132)), /up to 128 of places, got 156 bytes/],
    ['a place past the last', withPlaces(5, 210, 4, 143, 3, 0, 0, 0), /places below 1000, got 1000/],
    ['too few', withPlaces(5, 210, 132, 128), /expected 3 places, got 1/],
    ['too many', withPlaces(0, 0, 0, 1), /got more than that/],
    ['something behind', withPlaces(0, 0, 0, 0, 0, 0, 0, 0), /got more than that/],
    ['a gap that wraps around', withPlaces(255, 255, 255, 255, 15, 0, 0, 0), /a gap of more than 2\^31/],
    ['a gap without end', withPlaces(255, 255, 255, 255, 255, 255, 255, 255), /a gap of more than 2\^31/],
    ['a gap in more bytes than it takes', withPlaces(133, 0, 0, 0), /in as few bytes as they take/],
    ['too few bits', bitmap(5, 600), /expected 3 places, got 2/],
    ['too many bits', bitmap(1, 5, 600, 999), /expected 3 places, got more/],
    ['a bit past the last', bitmap(5, 600, 1001), /places below 1000, got 1001/],
  ])('%s', (_, bytes, why) => {
    expect(decodeSparse(kernels, form, bytes)).toMatch(why);
  });
});

test('it is added where its places are, and nowhere else', () => {
  const sparse = {
    places: Int32Array.of(0, 3),
    values: Float32Array.of(1, -2),
    rest: Float32Array.of(10, 20),
  };
  const y = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
  addSparse(y, sparse, true);
  expect([...y]).toEqual([2, 2, 3, 2, 5, 16, 27]);
  addSparse(y, sparse, false);
  expect([...y]).toEqual([1, 0, 0, -2, 0, 10, 20]);
});

test('of a share is kept what is nearest to it, at least one and at most all', () => {
  expect([0.01, 1e-9, 1, 0.5].map((density) => keptValues(density, 62_006))).toEqual([
    620, 1, 62_006, 31_003,
  ]);
});
