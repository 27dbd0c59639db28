import { expect, test } from 'vitest';
import {
  blocksFor,
  cutSamples,
  isLeft,
  isPowerOfTwo,
  leavesOf,
  leftOf,
  maxMicroshards,
  parentOf,
  siblingOf,
} from '../../src/protocol/index.js';

const sizes = Array.from({ length: 11 }, (_, i) => 2 ** i);

test('powers of two', () => {
  const found = Array.from({ length: 300 }, (_, i) => i).filter(isPowerOfTwo);
  expect(found).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256]);
  for (const no of [-1, 0, 0.5, 1.5, Number.NaN, 2 ** 32 + 1, Number.POSITIVE_INFINITY])
    expect(isPowerOfTwo(no)).toBe(false);
});

test('parents, siblings and children agree, on every node up to 1,024 leaves', () => {
  for (let node = 1; node < 1_024; node++) {
    const left = leftOf(node);
    expect(parentOf(left)).toBe(node);
    expect(parentOf(left + 1)).toBe(node);
    expect(siblingOf(left)).toBe(left + 1);
    expect(siblingOf(left + 1)).toBe(left);
    expect(isLeft(left)).toBe(true);
    expect(isLeft(left + 1)).toBe(false);
  }
  expect(isLeft(1)).toBe(false);
});

test('the leaves of a node are those of its children, left ones first', () => {
  for (const microshards of sizes) {
    expect(leavesOf(1, microshards)).toEqual({ first: 0, count: microshards });
    for (let node = 1; node < 2 * microshards; node++) {
      const { first, count } = leavesOf(node, microshards);
      if (node >= microshards) {
        expect({ first, count }).toEqual({ first: node - microshards, count: 1 });
      } else {
        const left = leavesOf(leftOf(node), microshards);
        const right = leavesOf(leftOf(node) + 1, microshards);
        expect(left).toEqual({ first, count: count / 2 });
        expect(right).toEqual({ first: first + count / 2, count: count / 2 });
      }
    }
  }
});

test('blocks cover the root exactly, in leaf order, with one for everybody: every tree up to 128, every crew up to 140', () => {
  for (const microshards of sizes.filter((size) => size <= 128)) {
    for (let workers = 1; workers <= 140; workers++) {
      const blocks = blocksFor(microshards, workers);
      let next = 0;
      for (const node of blocks) {
        const { first, count } = leavesOf(node, microshards);
        expect(first).toBe(next);
        next += count;
      }
      expect(next).toBe(microshards);
      expect(blocks.length).toBeGreaterThanOrEqual(Math.min(workers, microshards));
    }
  }
});

test('a power of two of workers gets one equal block each', () => {
  for (const microshards of sizes) {
    for (const workers of sizes.filter((count) => count <= microshards)) {
      const expected = Array.from({ length: workers }, (_, i) => workers + i);
      expect(blocksFor(microshards, workers)).toEqual(expected);
    }
  }
});

test('other numbers of workers share evenly, within a quarter of the ideal where the tree is deep enough', () => {
  for (let workers = 1; workers <= 64; workers++) {
    const microshards = 1_024;
    const ready = Array.from({ length: workers }, () => 0);
    // Whoever is free first takes the next block.
    for (const node of blocksFor(microshards, workers)) {
      const free = ready.indexOf(Math.min(...ready));
      ready[free] = (ready[free] ?? 0) + leavesOf(node, microshards).count;
    }
    expect(Math.max(...ready) / (microshards / workers)).toBeLessThanOrEqual(1.25);
  }
});

test('three workers: a quarter each, then the last quarter in halves', () => {
  expect(blocksFor(16, 3)).toEqual([4, 5, 6, 14, 15]);
  expect(blocksFor(4, 3)).toEqual([4, 5, 6, 7]);
  expect(blocksFor(2, 3)).toEqual([2, 3]);
  expect(blocksFor(1, 3)).toEqual([1]);
});

test('samples are cut in order; a short batch leaves the last microshards short or empty', () => {
  expect(cutSamples(64, 4, 16)).toEqual([0, 16, 32, 48].map((first) => ({ first, count: 16 })));
  expect(cutSamples(20, 4, 16).map((part) => part.count)).toEqual([16, 4, 0, 0]);
  expect(cutSamples(0, 2, 16).map((part) => part.count)).toEqual([0, 0]);
  for (const microshards of [1, 2, 8]) {
    for (let count = 0; count <= microshards * 16; count++) {
      const parts = cutSamples(count, microshards, 16);
      let next = 0;
      for (const part of parts) {
        expect(part.first).toBe(next);
        next += part.count;
      }
      expect(next).toBe(count);
      expect(parts.length).toBe(microshards);
    }
  }
});

test('what is no tree, node, crew or batch is refused', () => {
  for (const node of [0, -1, 1.5, Number.NaN, 2 * maxMicroshards]) {
    expect(() => parentOf(node)).toThrow(RangeError);
    expect(() => leftOf(node)).toThrow(RangeError);
    expect(() => leavesOf(node, 8)).toThrow(RangeError);
  }
  expect(() => parentOf(1)).toThrow('root');
  expect(() => siblingOf(1)).toThrow('root');
  expect(() => leavesOf(16, 8)).toThrow('1 to 15');
  for (const microshards of [0, 3, 1.5, 2 * maxMicroshards]) {
    expect(() => leavesOf(1, microshards)).toThrow('power of two');
    expect(() => blocksFor(microshards, 1)).toThrow('power of two');
    expect(() => cutSamples(1, microshards, 16)).toThrow('power of two');
  }
  for (const workers of [0, -1, 1.5]) expect(() => blocksFor(8, workers)).toThrow('at least one worker');
  expect(() => cutSamples(33, 2, 16)).toThrow('0 to 32');
  expect(() => cutSamples(-1, 2, 16)).toThrow(RangeError);
  expect(() => cutSamples(1, 2, 0)).toThrow(RangeError);
});
