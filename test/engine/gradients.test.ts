import { describe, expect, test } from 'vitest';
import {
  allFinite,
  clipGradientNorm,
  createRandom,
  euclideanNorm,
  scaleGradient,
} from '../../src/engine/index.js';
import { golden } from './optimizer-golden.js';

test('scaling makes a mean of a sum', () => {
  const gradient = new Float32Array([2, -4, 0, 1]);
  scaleGradient(gradient, 1 / 4);
  expect([...gradient]).toEqual([0.5, -1, 0, 0.25]);
});

describe('clipping', () => {
  test.each(golden.clipping.cases)('to norm $maxNorm as PyTorch does', ({ maxNorm, norm, clipped }) => {
    const gradient = new Float32Array(golden.clipping.gradient);
    expect(clipGradientNorm(gradient, maxNorm)).toBeCloseTo(norm, 12);
    for (const [i, value] of clipped.entries()) expect(gradient[i]).toBeCloseTo(value, 7);
  });

  test('leaves a short gradient alone to the last bit', () => {
    const gradient = new Float32Array([0.3, -0.4]);
    const before = gradient.slice();
    expect(clipGradientNorm(gradient, 1)).toBeCloseTo(0.5, 6);
    expect(gradient).toEqual(before);
  });

  test('a zero or empty gradient has norm 0', () => {
    expect(clipGradientNorm(new Float32Array(5), 1)).toBe(0);
    expect(clipGradientNorm(new Float32Array(0), 1)).toBe(0);
  });

  test.each([0, -1, Number.NaN])('refuses the norm %d', (maxNorm) => {
    expect(() => clipGradientNorm(new Float32Array(1), maxNorm)).toThrow(RangeError);
  });
});

test('the norm of every length, odd ones included', () => {
  const random = createRandom(4);
  for (let length = 0; length < 20; length++) {
    const values = Float32Array.from({ length }, () => random.normal());
    expect(euclideanNorm(values)).toBeCloseTo(Math.hypot(...values), 12);
  }
});

describe('allFinite', () => {
  test('is true for everything a float can hold', () => {
    const largest = 3.4028234663852886e38;
    expect(allFinite(new Float32Array(0))).toBe(true);
    expect(allFinite(new Float32Array(1000).fill(largest))).toBe(true);
    expect(allFinite(new Float32Array([0, -0, 1e-45, -largest, 1]))).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'finds %d at any place',
    (bad) => {
      for (let at = 0; at < 11; at++) {
        const values = new Float32Array(11);
        values[at] = bad;
        expect(allFinite(values), `at ${at}`).toBe(false);
      }
    },
  );

  test('two infinities do not cancel', () => {
    const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
    expect(allFinite(new Float32Array([POSITIVE_INFINITY, NEGATIVE_INFINITY]))).toBe(false);
  });
});
