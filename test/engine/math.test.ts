import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cos, createRandom, exp, integerPower, log, sin, tanh } from '../../src/engine/index.js';
import { ulps } from './ulp.js';

type Name = 'exp' | 'log' | 'sin' | 'cos' | 'tanh';

const ours: Record<Name, (x: number) => number> = { exp, log, sin, cos, tanh };

/** Made by make_math_golden.py: [bits of x, bits of the true value rounded once]. */
const golden: Record<Name, [string, string][]> = JSON.parse(
  readFileSync(new URL('../fixtures/engine/math-golden.json', import.meta.url), 'utf8'),
);

const fromBits = (hex: string): number => Buffer.from(hex, 'hex').readDoubleBE(0);

// The true value was rounded once, so "less than 1 ulp off" is at most the neighbour of it.
test.each<[Name, number]>([
  ['exp', 1],
  ['log', 1],
  ['sin', 1],
  ['cos', 1],
  ['tanh', 2],
])('%s is at most %i ulp from the true value rounded', (name, bound) => {
  expect(golden[name].length).toBeGreaterThan(250);
  for (const [xBits, yBits] of golden[name]) {
    const x = fromBits(xBits);
    expect(ulps(ours[name](x), fromBits(yBits)), `${name}(${x})`).toBeLessThanOrEqual(bound);
  }
});

// Math.* is itself up to 1 ulp off (tanh 2), in whatever direction this engine likes.
test.each<[Name, number, number, number]>([
  ['exp', -745, 709, 2],
  ['exp', -1, 1, 2],
  ['log', 0, 2, 2],
  ['log', 0, 1e300, 2],
  ['sin', -1000, 1000, 2],
  ['cos', 0, 2 * Math.PI, 2],
  ['tanh', -1, 1, 4],
  ['tanh', -20, 20, 4],
])('%s agrees with Math over [%d, %d] within %i ulp', (name, low, high, bound) => {
  const seed = 20_261;
  const random = createRandom(seed);
  let worst = 0;
  let at = 0;
  for (let i = 0; i < 50_000; i++) {
    const x = low + (high - low) * random.float();
    const distance = ulps(ours[name](x), Math[name](x));
    if (distance > worst) [worst, at] = [distance, x];
  }
  expect(worst, `seed ${seed}, ${name}(${at})`).toBeLessThanOrEqual(bound);
});

describe('at the edges', () => {
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

  test('exp', () => {
    expect([exp(0), exp(-0), exp(-infinity), exp(infinity), exp(710), exp(-746)]).toEqual([
      1,
      1,
      0,
      infinity,
      infinity,
      0,
    ]);
    expect(exp(nan)).toBeNaN();
    expect(exp(709.7827128933841)).toBeGreaterThan(1.79e308);
    expect(exp(-745.13)).toBe(5e-324);
  });

  test('log', () => {
    expect([log(1), log(0), log(-0), log(infinity)]).toEqual([0, -infinity, -infinity, infinity]);
    expect([log(-1), log(nan), log(-infinity)]).toEqual([nan, nan, nan]);
    for (const x of [5e-324, 2 ** -1022, 2 ** 1023, Number.MAX_VALUE, Number.MIN_VALUE * 3]) {
      expect(ulps(log(x), Math.log(x)), `log(${x})`).toBeLessThanOrEqual(1);
    }
  });

  test('sin and cos refuse what they cannot reduce', () => {
    expect(Object.is(sin(-0), -0)).toBe(true);
    expect(cos(0)).toBe(1);
    for (const f of [sin, cos]) {
      for (const x of [nan, infinity, -infinity, 2e6, -2e6]) expect(() => f(x)).toThrow(RangeError);
    }
  });

  test('tanh', () => {
    expect([tanh(infinity), tanh(-infinity), tanh(30), tanh(-30)]).toEqual([1, -1, 1, -1]);
    expect(Object.is(tanh(-0), -0)).toBe(true);
    expect(tanh(nan)).toBeNaN();
    expect(tanh(1e-12)).toBe(1e-12);
    const seed = 7;
    const random = createRandom(seed);
    for (let i = 0; i < 1000; i++) {
      const x = 25 * random.float();
      expect(tanh(-x), `seed ${seed}`).toBe(-tanh(x));
    }
  });
});

test('the bits themselves: another machine or engine must come to the same', () => {
  const random = createRandom(99);
  let folded = 0;
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  for (let i = 0; i < 20_000; i++) {
    const x = 40 * random.float() - 20;
    for (const y of [exp(x), log(x * x + 1e-9), sin(x), cos(x), tanh(x)]) {
      double[0] = y;
      folded = (Math.imul(folded, 31) + words[0] + Math.imul(words[1], 17)) | 0;
    }
  }
  expect(folded).toBe(-166086052);
});

test('integer powers', () => {
  expect([integerPower(0.9, 0), integerPower(0, 0), integerPower(0, 3), integerPower(2, 62)]).toEqual([
    1,
    1,
    0,
    2 ** 62,
  ]);
  for (const n of [1, 7, 1000, 123_456]) {
    expect(integerPower(0.999, n)).toBeCloseTo(0.999 ** n, 14);
  }
  expect(() => integerPower(2, -1)).toThrow(RangeError);
  expect(() => integerPower(2, 0.5)).toThrow(RangeError);
});
