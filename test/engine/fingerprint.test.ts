import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/engine/index.js';

const values = Float32Array.of(1, -2, 0, 3.5);

describe('the fingerprint', () => {
  it('tells every changed bit and every changed place', () => {
    const { hash } = fingerprint(values, 1.25, 3);
    expect(fingerprint(values.slice(), 1.25, 3).hash).toBe(hash);
    expect(fingerprint(Float32Array.of(1, -2, -0, 3.5), 1.25, 3).hash).not.toBe(hash);
    expect(fingerprint(Float32Array.of(-2, 1, 0, 3.5), 1.25, 3).hash).not.toBe(hash);
    expect(fingerprint(values, 1.25 + Number.EPSILON, 3).hash).not.toBe(hash);
    expect(fingerprint(values, 1.25, 4).hash).not.toBe(hash);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('finds %d', (bad) => {
    expect(fingerprint(values, 1, 1).finite).toBe(true);
    expect(fingerprint(Float32Array.of(1, bad, 2), 1, 1).finite).toBe(false);
    expect(fingerprint(values, bad, 1).finite).toBe(false);
  });

  it('takes the largest finite values for finite, and an empty gradient', () => {
    expect(fingerprint(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38), 1, 1).finite).toBe(
      true,
    );
    expect(fingerprint(new Float32Array(0), 1, 1).finite).toBe(true);
  });
});
