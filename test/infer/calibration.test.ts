import { expect, it } from 'vitest';
import { calibrate, commonConfusions, wilsonInterval, worstMistakes } from '../../src/infer/index.js';

/** Two classes: the first has probability p. */
const firsts = (...values: number[]): Float32Array => Float32Array.from(values.flatMap((p) => [p, 1 - p]));

it('bins the confidences, and sums how far they are from the truth', () => {
  // Sure of 0.95 four times and right three times, sure of 0.65 twice and right twice.
  const { bins, ece, confidence } = calibrate({
    labels: Uint8Array.of(0, 0, 0, 1, 0, 1),
    probabilities: firsts(0.95, 0.95, 0.95, 0.95, 0.65, 0.35),
    classes: 2,
  });
  expect(bins).toHaveLength(10);
  expect(bins[9]).toMatchObject({ from: 0.9, to: 1, count: 4, accuracy: 0.75 });
  expect(bins[6]).toMatchObject({ count: 2, accuracy: 1 });
  expect(bins[9]?.confidence).toBeCloseTo(0.95, 6);
  expect(ece).toBeCloseTo((4 / 6) * 0.2 + (2 / 6) * 0.35, 6);
  expect(confidence).toBeCloseTo((4 * 0.95 + 2 * 0.65) / 6, 6);
  expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(6);
});

it('puts a confidence that is a boundary into the bin below it, and a whole one into the last', () => {
  const { bins } = calibrate({ labels: Uint8Array.of(0, 0), probabilities: firsts(1, 0.5), classes: 2 });
  expect(bins.map(({ count }) => count)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(calibrate({ labels: new Uint8Array(0), probabilities: firsts(), classes: 2 }).ece).toBe(0);
});

it('gives Wilson’s interval', () => {
  // Newcombe (1998), table I: 81 of 263.
  const [low, high] = wilsonInterval(81, 263);
  expect(low).toBeCloseTo(0.2553, 3);
  expect(high).toBeCloseTo(0.3662, 3);
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  expect(wilsonInterval(10, 10)[1]).toBeCloseTo(1, 12);
});

it('finds the mistakes of which it was surest, and the pairs that are mixed up most', () => {
  const o = {
    names: ['a', 'b', 'c', 'd'],
    labels: Uint8Array.of(1, 0, 1, 1),
    probabilities: firsts(0.75, 0.875, 0.875, 0.9375),
    classes: 2,
  };
  expect(worstMistakes({ ...o, most: 2 })).toEqual([
    { index: 3, name: 'd', truth: 1, guess: 0, confidence: 0.9375, truthProbability: 0.0625 },
    { index: 2, name: 'c', truth: 1, guess: 0, confidence: 0.875, truthProbability: 0.125 },
  ]);
  expect(worstMistakes({ ...o, most: 9 })).toHaveLength(3);
  expect(commonConfusions(Uint32Array.of(9, 1, 0, 2, 9, 5, 0, 0, 9), 3, 2)).toEqual([
    { truth: 1, guess: 2, count: 5 },
    { truth: 1, guess: 0, count: 2 },
  ]);
});
