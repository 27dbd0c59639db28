import { cos, log, sin } from './math.js';

/**
 * Random numbers that are a function of a key and a counter: Philox 4x32 with ten rounds, from Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3" (SC11). There is no hidden state to carry from one machine to another: who
 * knows (seed, epoch, sample) draws the same numbers anywhere, in any order.
 */
const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;
const rounds = 10;

/**
 * Ten rounds of Philox 4x32: `out` ← four independent words.
 *
 * @param counter 4 words; every value gives another block
 * @param key     2 words; every value gives another stream
 * @param out     4 words, written; may be `counter` itself
 */
export function philox(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let c0 = counter[0];
  let c1 = counter[1];
  let c2 = counter[2];
  let c3 = counter[3];
  let k0 = key[0];
  let k1 = key[1];
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low0 = Math.imul(multiplier0, c0);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Upper 32 bits of the 64-bit product of two words, by halves: no partial sum leaves 32 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0;
  const carried = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carried >>> 16)) >>> 0;
}

/** A stream of numbers. Drawing advances it; a second stream of the same key starts over. */
export interface Random {
  /** Uniform over 0 … 2³²−1. */
  u32(): number;
  /** Uniform over the multiples of 2⁻⁵³ in [0, 1). Takes two words. */
  float(): number;
  /** Uniform over 0 … n−1 without bias. @throws RangeError unless n is an integer in 1 … 2³² */
  below(n: number): number;
  /** Standard normal, by Box–Muller over `float`; every second call takes no words. */
  normal(): number;
}

/**
 * The stream of a key. Any number of integers makes a key, and their order and count matter: (1, 2), (2, 1) and (1, 2, 0) are
 * three streams. The key is absorbed by Philox itself into 128 bits (64 of them Philox's key, 64 the upper counter words), which
 * leaves 2⁶⁴ blocks of four words per stream.
 *
 * @throws RangeError for a key part that is no safe integer
 */
export function createRandom(...key: number[]): Random {
  const philoxKey = new Uint32Array(2);
  const counter = new Uint32Array(4);
  absorb(key, philoxKey, counter);
  const block = new Uint32Array(4);
  let used = 4;
  let spare: number | undefined;

  function u32(): number {
    if (used === 4) {
      philox(counter, philoxKey, block);
      used = 0;
      if (++counter[0] === 2 ** 32) counter[1]++;
    }
    return block[used++];
  }

  function float(): number {
    const high = u32() >>> 5;
    const low = u32() >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  function below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`Expected a bound from 1 to 4294967296, found ${n}.`);
    }
    if (n === 2 ** 32) return u32();
    // Lemire, "Fast random integer generation in an interval" (2019): the product's upper word is the draw, and the few lower
    // words that would make some results likelier are drawn again.
    let word = u32();
    let low = Math.imul(word, n) >>> 0;
    if (low < n) {
      const threshold = (2 ** 32 - n) % n;
      while (low < threshold) {
        word = u32();
        low = Math.imul(word, n) >>> 0;
      }
    }
    return multiplyHigh(word, n);
  }

  function normal(): number {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    // 1 − u lies in (0, 1]: the logarithm is finite.
    const radius = Math.sqrt(-2 * log(1 - float()));
    const angle = 2 * Math.PI * float();
    spare = radius * sin(angle);
    return radius * cos(angle);
  }

  return { u32, float, below, normal };
}

/** The stream of a key for kernels that draw by themselves: Philox's key, then the upper two counter words. @throws RangeError as above */
export function streamWords(...key: number[]): Int32Array {
  const philoxKey = new Uint32Array(2);
  const counter = new Uint32Array(4);
  absorb(key, philoxKey, counter);
  return Int32Array.of(philoxKey[0], philoxKey[1], counter[2], counter[3]);
}

/** Folds the parts of a key, one Philox block each, into `philoxKey` and the upper two words of `counter`. */
function absorb(parts: number[], philoxKey: Uint32Array, counter: Uint32Array): void {
  const words = new Uint32Array(4);
  for (const [index, part] of parts.entries()) {
    if (!Number.isSafeInteger(part)) {
      throw new RangeError(`Expected whole numbers as the key of a random stream, found ${part}.`);
    }
    words[0] = part;
    words[1] = Math.floor(part / 2 ** 32);
    words[2] = counter[2] ^ (index + 1);
    words[3] = counter[3] ^ parts.length;
    philox(words, philoxKey, words);
    philoxKey[0] = words[0];
    philoxKey[1] = words[1];
    counter[2] = words[2];
    counter[3] = words[3];
  }
}

/** 0 … length−1 in an order drawn by Fisher–Yates. */
export function permutation(length: number, random: Random): Uint32Array {
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  for (let i = length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  return order;
}
