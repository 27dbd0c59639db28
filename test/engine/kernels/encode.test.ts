import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  createRandom,
  type Encoding,
  encodedBytes,
  encodedFinite,
  type Kernels,
  referenceKernels,
  streamWords,
} from '../../../src/engine/index.js';

const encodings = ['f32', 'bf16', 'fp16', 'int8'] as const;
const lengths = [0, 1, 2, 15, 16, 17, 127, 128, 129, 255, 256, 257, 300, 1000];
const stream = streamWords(1, 2, 3);

/** Values of very different sizes in each chunk, and in some chunks nothing, or the largest and smallest that there are. */
function wildValues(seed: number, length: number): Float32Array {
  const random = createRandom(seed, length);
  return Float32Array.from({ length }, (_, i) => {
    const size = [1, 1e-6, 1e20, 0, 3e38, 1e-40, 1e-45][(seed + (i >>> 8)) % 7] ?? 1;
    return random.normal() * size * (random.below(8) === 0 ? 1e-5 : 0.3);
  });
}

function encoded(kernels: Kernels, x: Float32Array, encoding: Encoding, words = stream): Uint8Array {
  // Full of ones before: whatever is not written shows.
  const bytes = new Uint8Array(encodedBytes(encoding, x.length)).fill(255);
  kernels.encode(bytes, x, encoding, words);
  return bytes;
}

function decoded(kernels: Kernels, bytes: Uint8Array, encoding: Encoding, length: number): Float32Array {
  const y = new Float32Array(length).fill(Number.NaN);
  kernels.decode(y, bytes, encoding, false);
  return y;
}

/** In memory of their own, wherever they lay before. */
const wordsOf = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bits = (values: Float32Array): string => hex(new Uint8Array(values.buffer));

describe.each([...availableKernels.values()])('vectors written shorter by $name', (kernels) => {
  test.each(encodings)('%s: the bytes of the reference, for any length and any values', (encoding) => {
    for (const length of lengths) {
      for (let seed = 1; seed <= 7; seed++) {
        const x = wildValues(seed, length);
        if (length > 20 && seed === 3) x.set([Number.NaN, Number.POSITIVE_INFINITY], 7);
        const where = `seed ${seed}, length ${length}`;
        const bytes = encoded(kernels, x, encoding, streamWords(seed, length));
        const expected = encoded(referenceKernels, x, encoding, streamWords(seed, length));
        expect(hex(bytes), where).toBe(hex(expected));
        const values = decoded(kernels, bytes, encoding, length);
        expect(bits(values), where).toBe(bits(decoded(referenceKernels, bytes, encoding, length)));
        const sum = wildValues(seed + 100, length);
        const sumOfReference = sum.slice();
        kernels.decode(sum, bytes, encoding, true);
        referenceKernels.decode(sumOfReference, bytes, encoding, true);
        expect(bits(sum), where).toBe(bits(sumOfReference));
      }
    }
  });

  test.each(encodings)('%s: any bytes can be read, wherever they lie', (encoding) => {
    const random = createRandom(9, encoding.length);
    for (const length of [1, 33, 257, 600]) {
      const room = new Uint8Array(encodedBytes(encoding, length) + 3).map(() => random.below(256));
      for (let offset = 0; offset < 4; offset++) {
        const bytes = room.subarray(offset, offset + encodedBytes(encoding, length));
        const found = decoded(kernels, bytes, encoding, length);
        const expected = decoded(referenceKernels, bytes.slice(), encoding, length);
        for (let i = 0; i < length; i++)
          expect(Object.is(found[i], expected[i]), `${length} ${i}`).toBe(true);
        const all = found.every(Number.isFinite);
        // Of huge scales a product may overflow where none of its parts does.
        if (all) expect(encodedFinite(encoding, wordsOf(bytes), length)).toBe(true);
      }
    }
  });

  test('the wrong length is refused', () => {
    for (const encoding of encodings) {
      if (kernels === referenceKernels) continue;
      const x = new Float32Array(10);
      expect(() => kernels.encode(new Uint8Array(4), x, encoding, stream)).toThrow(/bytes/);
      expect(() => kernels.decode(x, new Uint8Array(4), encoding, false)).toThrow(/bytes/);
    }
  });
});

const sample = Float32Array.of(1, -2, 0.1, Math.PI, -1e-3, 0, 127);

/** Those of f32, bf16 and fp16 are numpy's; of int8, whose third value is drawn, our own. */
test.each([
  ['f32', '0000803f000000c0cdcccc3ddb0f49406f1283ba000000000000fe42'],
  ['bf16', '803f00c0cd3d494083ba0000fe42 0000'],
  ['fp16', '00008042 002400a86616482a06810000f03f 0000'],
  ['int8', '0000803f 01fe000300007f 00'],
] as const)('%s: golden bytes', (encoding, expected) => {
  expect(hex(encoded(referenceKernels, sample, encoding))).toBe(expected.replaceAll(' ', ''));
});

describe('what is read', () => {
  const x = Float32Array.from({ length: 1000 }, (_, i) => createRandom(4, i).normal() * 10 ** (i >>> 8));

  test.each([
    ['bf16', 2 ** -8],
    ['fp16', 2 ** -11],
  ] as const)('%s: is within half a unit of what was written, relatively %f', (encoding, bound) => {
    const y = decoded(referenceKernels, encoded(referenceKernels, x, encoding), encoding, x.length);
    for (let i = 0; i < x.length; i++)
      expect(Math.abs(y[i] - x[i])).toBeLessThanOrEqual(Math.abs(x[i]) * bound);
  });

  test('bf16: ties go to even, as PyTorch has it', () => {
    const ties = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -(1 + 2 ** -8), 1 + 2 ** -8 + 2 ** -20);
    const y = decoded(referenceKernels, encoded(referenceKernels, ties, 'bf16'), 'bf16', 4);
    expect([...y]).toEqual([1, 1 + 4 * 2 ** -8, -1, 1 + 2 * 2 ** -8]);
  });

  test('int8: is one of the two levels around what was written, and 0 stays 0', () => {
    const y = decoded(referenceKernels, encoded(referenceKernels, x, 'int8'), 'int8', x.length);
    for (let from = 0; from < x.length; from += 256) {
      const chunk = x.subarray(from, from + 256);
      const level = chunk.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
      for (const [i, value] of chunk.entries())
        expect(Math.abs(y[from + i] - value)).toBeLessThan(level * 1.000_01);
    }
    const zeros = decoded(
      referenceKernels,
      encoded(referenceKernels, new Float32Array(300), 'int8'),
      'int8',
      300,
    );
    expect(zeros.every((value) => value === 0)).toBe(true);
  });

  test('int8: has the mean of what was written, over many streams', () => {
    const seed = Number(process.env['ONKO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const draws = 4000;
    const values = Float32Array.of(127, 0.25, -0.25, 3.9, -77.123, 1e-3, 0.5);
    const sums = new Float64Array(values.length);
    for (let draw = 0; draw < draws; draw++) {
      const bytes = encoded(referenceKernels, values, 'int8', streamWords(seed, draw));
      const y = decoded(referenceKernels, bytes, 'int8', values.length);
      for (const [i, value] of y.entries()) sums[i] += value;
    }
    // The levels are 1 apart: a draw deviates by at most a half, the mean of all by at most 0.5/√draws; six of those.
    const bound = (6 * 0.5) / Math.sqrt(draws);
    for (const [i, value] of values.entries())
      expect(Math.abs(sums[i] / draws - value), `value ${value}, ONKO_TEST_SEED=${seed}`).toBeLessThan(bound);
  });

  test('int8: another stream rounds otherwise, the same one alike', () => {
    const [a, b, again] = [1, 2, 1].map((step) =>
      hex(encoded(referenceKernels, x, 'int8', streamWords(7, step))),
    );
    expect(b).not.toBe(a);
    expect(again).toBe(a);
  });

  test.each(encodings)('%s: what is not finite is known before it is read, and stays so', (encoding) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const spoilt = x.slice();
      spoilt[600] = bad;
      const bytes = encoded(referenceKernels, spoilt, encoding);
      expect(encodedFinite(encoding, wordsOf(bytes), x.length)).toBe(false);
      expect(Number.isFinite(decoded(referenceKernels, bytes, encoding, x.length)[600])).toBe(false);
    }
    expect(encodedFinite(encoding, wordsOf(encoded(referenceKernels, x, encoding)), x.length)).toBe(true);
  });

  test('fp16: an infinite half under a plain scale is known, too', () => {
    const bytes = encoded(referenceKernels, x, 'fp16');
    new DataView(bytes.buffer).setUint16(16 + 2 * 999, 0xfc00, true);
    expect(encodedFinite('fp16', wordsOf(bytes), x.length)).toBe(false);
  });

  const halves = [
    { encoding: 'bf16', infinity: 0x7f80, largest: 0xff7f },
    { encoding: 'fp16', infinity: 0x7c00, largest: 0xfbff },
  ] as const;
  test.each(halves)(
    '$encoding: one value that is not finite is found wherever it is, and its neighbours are not blamed',
    (half) => {
      const { encoding, infinity, largest } = half;
      for (const length of [1, 2, 255, 256, 257]) {
        const bytes = encoded(referenceKernels, new Float32Array(length).fill(1), encoding);
        const view = new DataView(bytes.buffer);
        const first = encoding === 'fp16' ? Math.ceil(length / 256) * 4 : 0;
        for (let i = 0; i < length; i++) view.setUint16(first + 2 * i, largest, true);
        // Beside the last one.
        if (length % 2 === 1) view.setUint16(first + 2 * length, infinity, true);
        expect(encodedFinite(encoding, wordsOf(bytes), length)).toBe(true);
        for (let i = 0; i < length; i++) {
          view.setUint16(first + 2 * i, i % 2 === 0 ? infinity : 0xffff, true);
          expect(encodedFinite(encoding, wordsOf(bytes), length), `${i} of ${length}`).toBe(false);
          view.setUint16(first + 2 * i, largest, true);
        }
      }
    },
  );
});
