import { describe, expect, it } from 'vitest';
import { applyTemperature, createRandom, fitTemperature } from '../../src/engine/index.js';

const classes = 10;

/** Softmax of logits/temperature, by the machine's own exp. */
function softmax(logits: readonly number[], temperature = 1): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp((logit - top) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Logits whose labels are drawn from their softmax at `truth`: the temperature that is to be found. */
function drawn(n: number, truth: number, seed: number): { logits: number[][]; labels: Uint8Array } {
  const random = createRandom(seed);
  const logits = Array.from({ length: n }, () => {
    const liked = random.below(classes);
    return Array.from(
      { length: classes },
      (_, c) => 3 * random.float() + (c === liked ? 6 * random.float() : 0),
    );
  });
  const labels = Uint8Array.from(logits, (row) => {
    let rest = random.float();
    const at = softmax(row, truth).findIndex((p) => (rest -= p) < 0);
    return at < 0 ? classes - 1 : at;
  });
  return { logits, labels };
}
const probabilitiesOf = (logits: number[][]): Float32Array =>
  Float32Array.from(logits.flatMap((row) => softmax(row)));

describe('a fitted temperature', () => {
  it.each([0.5, 1, 2.5])('is the one that the labels were drawn at: %s', (truth) => {
    const { logits, labels } = drawn(20_000, truth, 7);
    const found = fitTemperature({ probabilities: probabilitiesOf(logits), labels, classes }) ?? Number.NaN;
    expect(Math.abs(found / truth - 1)).toBeLessThan(0.05);
  });

  it('has a smaller cross-entropy than its neighbours, with the labels as certain as so many samples make them', () => {
    const { logits, labels } = drawn(300, 1.7, 11);
    const found = fitTemperature({ probabilities: probabilitiesOf(logits), labels, classes }) ?? Number.NaN;
    const n = labels.length;
    const loss = (temperature: number): number =>
      logits.reduce((sum, row, i) => {
        const logs = softmax(row, temperature).map(Math.log);
        const others = logs.reduce((a, b, c) => a + (c === labels[i] ? 0 : b), 0) / (classes - 1);
        return sum - (((n + 1) / (n + 2)) * (logs[labels[i] ?? 0] ?? 0) + others / (n + 2));
      }, 0);
    expect(loss(found)).toBeLessThan(loss(found + 0.001));
    expect(loss(found)).toBeLessThan(loss(found - 0.001));
    expect(found).toBe(Math.round(found * 10_000) / 10_000);
  });

  it('is no certainty where every guess is right, and no nonsense where none is', () => {
    const sure = Float32Array.from({ length: 100 * classes }, (_, i) => (i % classes === 0 ? 0.91 : 0.01));
    const found = fitTemperature({ probabilities: sure, labels: new Uint8Array(100), classes }) ?? Number.NaN;
    applyTemperature(sure, classes, found);
    expect(sure[0]).toBeCloseTo(101 / 102, 3);
    const wrong = Float32Array.from({ length: 100 * classes }, (_, i) => (i % classes === 0 ? 0.91 : 0.01));
    expect(fitTemperature({ probabilities: wrong, labels: new Uint8Array(100).fill(1), classes })).toBe(16);
  });

  it('is none without samples, or where the model gives no numbers', () => {
    const none = { probabilities: new Float32Array(0), labels: new Uint8Array(0), classes };
    expect(fitTemperature(none)).toBeNull();
    const probabilities = new Float32Array(classes).fill(Number.NaN);
    expect(fitTemperature({ probabilities, labels: Uint8Array.of(3), classes })).toBeNull();
  });

  it('takes a probability that was rounded to 0', () => {
    const probabilities = new Float32Array(60 * classes);
    for (let i = 0; i < 60; i++) probabilities[i * classes] = 1;
    const labels = Uint8Array.from({ length: 60 }, (_, i) => (i < 6 ? 1 : 0));
    const found = fitTemperature({ probabilities, labels, classes }) ?? Number.NaN;
    expect(found).toBeGreaterThan(5);
    expect(found).toBeLessThanOrEqual(16);
  });
});

describe('probabilities at a temperature', () => {
  it.each([0.3, 1, 4])('are the softmax of the logits divided by it: %s', (temperature) => {
    const { logits } = drawn(50, 1, 3);
    const probabilities = probabilitiesOf(logits);
    applyTemperature(probabilities, classes, temperature);
    const expected = logits.flatMap((row) => softmax(row, temperature));
    for (const [i, p] of probabilities.entries()) expect(p).toBeCloseTo(expected[i] ?? 0, 6);
  });

  it('keep their guess, also where rounding would make a tie of it', () => {
    const almost = 1 - 2 ** -24;
    const near = Float32Array.of(0.5 * almost, 0.5, 0.5 * almost, 0);
    const tied = near.slice();
    applyTemperature(tied, 4, 16);
    expect(tied[1]).toBeGreaterThan(tied[0] ?? 1);
    expect(tied[3]).toBe(0);
    // Equals stay equals, of which the first is the guess.
    const equal = Float32Array.of(0.4, 0.4, 0.2);
    applyTemperature(equal, 3, 3);
    expect(equal[0]).toBe(equal[1]);
  });
});
