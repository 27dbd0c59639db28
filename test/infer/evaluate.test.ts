import { describe, expect, it } from 'vitest';
import { evaluatePredictions, guesses, metricsJson } from '../../src/infer/index.js';

/** Probabilities whose largest is at the guess. */
function oneHot(guessed: number[], classes: number): Float32Array {
  return Float32Array.from(
    guessed.flatMap((guess) => Array.from({ length: classes }, (_, c) => (c === guess ? 1 : 0))),
  );
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('against the examples of scikit-learn’s documentation', () => {
  it('gives its precision, recall and F1', () => {
    const evaluation = evaluatePredictions({
      labels: Uint8Array.of(0, 1, 2, 0, 1, 2),
      probabilities: oneHot([0, 2, 1, 0, 0, 1], 3),
      classes: ['0', '1', '2'],
    });
    // f1_score(average='macro'): 0.2666…, precision_score 0.2222…, recall_score 0.3333…
    expect(evaluation.macroF1).toBeCloseTo(0.26666666, 7);
    expect(mean(evaluation.perClass.map((score) => score.precision))).toBeCloseTo(0.22222222, 7);
    expect(mean(evaluation.perClass.map((score) => score.recall))).toBeCloseTo(0.33333333, 7);
    expect(evaluation.accuracy).toBeCloseTo(2 / 6, 12);
    expect([...evaluation.confusion]).toEqual([2, 0, 0, 1, 0, 1, 0, 2, 0]);
  });

  it('gives its log loss', () => {
    const evaluation = evaluatePredictions({
      labels: Uint8Array.of(1, 0, 0, 1),
      probabilities: Float32Array.of(0.1, 0.9, 0.9, 0.1, 0.8, 0.2, 0.35, 0.65),
      classes: ['ham', 'spam'],
    });
    expect(evaluation.loss).toBeCloseTo(0.21616187, 6);
    expect(evaluation.accuracy).toBe(1);
  });
});

it('computes a small case as by hand', () => {
  // truth 0: three right, one called 1; truth 1: two right, two called 0.
  const evaluation = evaluatePredictions({
    labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    probabilities: oneHot([0, 0, 0, 1, 1, 1, 0, 0], 2),
    classes: ['a', 'b'],
  });
  expect(evaluation.perClass).toEqual([
    { name: 'a', precision: 3 / 5, recall: 3 / 4, f1: expect.closeTo(2 / 3, 12), support: 4 },
    { name: 'b', precision: 2 / 3, recall: 2 / 4, f1: expect.closeTo(4 / 7, 12), support: 4 },
  ]);
  expect(evaluation.macroF1).toBeCloseTo((2 / 3 + 4 / 7) / 2, 12);
  expect(evaluation.correct).toBe(5);
});

it('counts 0/0 as 0, and leaves classes that do not occur out of the macro F1', () => {
  const evaluation = evaluatePredictions({
    labels: Uint8Array.of(0, 1),
    probabilities: oneHot([0, 2], 4),
    classes: ['0', '1', '2', '3'],
  });
  expect(evaluation.perClass.map((score) => [score.precision, score.recall, score.f1])).toEqual([
    [1, 1, 1],
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ]);
  // Classes 0, 1 and 2 occur; 3 neither as label nor as guess.
  expect(evaluation.macroF1).toBeCloseTo(1 / 3, 12);
});

it('keeps the loss finite where a probability was rounded to zero', () => {
  const evaluation = evaluatePredictions({
    labels: Uint8Array.of(1),
    probabilities: Float32Array.of(1, 0),
    classes: ['0', '1'],
  });
  expect(evaluation.loss).toBeCloseTo(149 * Math.LN2, 9);
});

it('takes the first of equals as the guess', () => {
  expect([...guesses(Float32Array.of(0.25, 0.25, 0.25, 0.25, 0.1, 0.4, 0.4, 0.1), 4)]).toEqual([0, 1]);
});

it('has a defined answer for no sample at all', () => {
  const evaluation = evaluatePredictions({
    labels: new Uint8Array(0),
    probabilities: new Float32Array(0),
    classes: ['0', '1'],
  });
  expect([evaluation.accuracy, evaluation.macroF1, evaluation.loss]).toEqual([0, 0, 0]);
});

it('refuses lengths that do not agree, and labels that are no class', () => {
  const classes = ['0', '1'];
  const probabilities = Float32Array.of(1, 0);
  expect(() => evaluatePredictions({ labels: Uint8Array.of(0, 1), probabilities, classes })).toThrow(
    RangeError,
  );
  expect(() => evaluatePredictions({ labels: Uint8Array.of(2), probabilities, classes })).toThrow(RangeError);
});

it('writes the figures as JSON with the confusion matrix in rows', () => {
  const evaluation = evaluatePredictions({
    labels: Uint8Array.of(0, 1, 1),
    probabilities: oneHot([0, 1, 0], 2),
    classes: ['0', '1'],
  });
  const json: unknown = JSON.parse(metricsJson(evaluation, { folder: 'testing-a' }));
  expect(json).toMatchObject({
    folder: 'testing-a',
    samples: 3,
    correct: 2,
    confusion: [
      [1, 0],
      [1, 1],
    ],
  });
});
