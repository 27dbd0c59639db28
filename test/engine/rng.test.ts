import { describe, expect, test } from 'vitest';
import { createRandom, permutation, philox } from '../../src/engine/index.js';

const words = (hex: string): Uint32Array =>
  new Uint32Array(hex.split(' ').map((word) => Number.parseInt(word, 16)));

// The philox4x32 10 lines of `kat_vectors`, the known answers of the Random123 package: counter, key, output.
test.each([
  ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
])('philox of counter %s and key %s', (counter, key, expected) => {
  const out = new Uint32Array(4);
  philox(words(counter), words(key), out);
  expect(out).toEqual(words(expected));
  const inPlace = words(counter);
  philox(inPlace, words(key), inPlace);
  expect(inPlace).toEqual(words(expected));
});

test('philox agrees with the same rounds in whole numbers of any size', () => {
  const random = createRandom(5);
  const draw = () => Uint32Array.from({ length: 6 }, () => random.u32());
  for (let i = 0; i < 300; i++) {
    const input = draw();
    const out = new Uint32Array(4);
    philox(input.subarray(0, 4), input.subarray(4), out);
    let [c0, c1, c2, c3, k0, k1] = Array.from(input, BigInt);
    const mask = 0xffff_ffffn;
    for (let round = 0; round < 10; round++) {
      const p0 = 0xd2511f53n * c0;
      const p1 = 0xcd9e8d57n * c2;
      [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
      k0 = (k0 + 0x9e3779b9n) & mask;
      k1 = (k1 + 0xbb67ae85n) & mask;
    }
    expect([...out], `case ${i}`).toEqual([c0, c1, c2, c3].map(Number));
  }
});

const first = (...key: number[]): number[] => {
  const random = createRandom(...key);
  return Array.from({ length: 5 }, () => random.u32());
};

describe('streams', () => {
  test('one key, one stream', () => {
    expect(first(1, 2, 3)).toEqual(first(1, 2, 3));
    expect(first(1, 2)).toEqual([192110103, 462775508, 69281534, 2538710421, 1935217063]);
  });

  test('order, count and high bits of the key matter', () => {
    const keys = [
      [],
      [0],
      [0, 0],
      [1],
      [1, 0],
      [0, 1],
      [1, 2],
      [2, 1],
      [2 ** 32],
      [2 ** 32 + 1],
      [-1],
      [2 ** 32 - 1],
    ];
    const seen = new Set(keys.map((key) => first(...key).join()));
    expect(seen.size).toBe(keys.length);
  });

  test('streams with neighbouring keys share no word', () => {
    const seen = new Set<number>();
    for (let sample = 0; sample < 1000; sample++) for (const word of first(7, 3, sample)) seen.add(word);
    // 5,000 of 2³² words: three collisions would already be one chance in a hundred thousand million.
    expect(seen.size).toBeGreaterThanOrEqual(4998);
  });

  test('a key part that is no integer is refused', () => {
    for (const part of [0.5, Number.NaN, 2 ** 53])
      expect(() => createRandom(1, part)).toThrow(/whole numbers/);
  });
});

describe('distributions (fixed seeds, bounds at five standard deviations)', () => {
  const count = 100_000;

  test('float is uniform over [0, 1)', () => {
    const random = createRandom(11);
    const bins = new Uint32Array(64);
    let outside = false;
    for (let i = 0; i < count; i++) {
      const x = random.float();
      outside ||= !(x >= 0 && x < 1);
      bins[Math.floor(x * 64)]++;
    }
    expect(outside).toBe(false);
    expectUniform(bins, count);
  });

  test.each([1, 2, 3, 10, 1000])('below(%i) is uniform', (n) => {
    const random = createRandom(12, n);
    const bins = new Uint32Array(n);
    for (let i = 0; i < count; i++) bins[random.below(n)]++;
    expectUniform(bins, count);
  });

  test('below draws again where the plain product would be biased', () => {
    // 3·2³⁰ bins: without rejection every third result comes twice as often.
    const random = createRandom(13);
    const n = 3 * 2 ** 30;
    const residues = new Uint32Array(3);
    for (let i = 0; i < count; i++) residues[random.below(n) % 3]++;
    expectUniform(residues, count);
  });

  test('below at its limits', () => {
    const random = createRandom(14);
    expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) expect(() => random.below(n)).toThrow(RangeError);
  });

  test('normal has mean 0, variance 1, and the shares of a normal distribution', () => {
    const random = createRandom(15);
    let sum = 0;
    let squares = 0;
    let cubes = 0;
    let withinOne = 0;
    let withinTwo = 0;
    for (let i = 0; i < count; i++) {
      const x = random.normal();
      sum += x;
      squares += x * x;
      cubes += x * x * x;
      if (Math.abs(x) < 1) withinOne++;
      if (Math.abs(x) < 2) withinTwo++;
    }
    const five = 5 / Math.sqrt(count);
    expect(Math.abs(sum / count)).toBeLessThan(five);
    expect(Math.abs(squares / count - 1)).toBeLessThan(five * Math.sqrt(2));
    expect(Math.abs(cubes / count)).toBeLessThan(five * Math.sqrt(15));
    expect(Math.abs(withinOne / count - 0.682689)).toBeLessThan(five * 0.4655);
    expect(Math.abs(withinTwo / count - 0.9545)).toBeLessThan(five * 0.2084);
  });
});

describe('permutation', () => {
  test.each([0, 1, 2, 17, 5000])('of %i is one', (length) => {
    const order = permutation(length, createRandom(3, length));
    expect(order).toBeInstanceOf(Uint32Array);
    expect([...order].toSorted((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
  });

  test('follows from the key alone', () => {
    expect(permutation(10, createRandom(42, 0))).toEqual(permutation(10, createRandom(42, 0)));
    expect(permutation(10, createRandom(42, 0))).not.toEqual(permutation(10, createRandom(42, 1)));
    expect([...permutation(10, createRandom(42, 0))]).toEqual([0, 1, 8, 4, 5, 6, 3, 7, 9, 2]);
  });

  test('gives every order of four equally often', () => {
    const random = createRandom(8);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(4, random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expectUniform(Uint32Array.from(counts.values()), 24_000);
  });
});

/** Chi-squared below its mean plus five standard deviations. */
function expectUniform(bins: Uint32Array, count: number): void {
  const expected = count / bins.length;
  const chiSquared = bins.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
  const freedom = bins.length - 1;
  expect(chiSquared).toBeLessThanOrEqual(freedom + 5 * Math.sqrt(2 * freedom));
}
