import { expect, it } from 'vitest';
import { doubtful, type Prediction, reviewCsv } from '../../src/infer/index.js';

const named = (filename: string, confidence: number): Prediction => ({
  filename,
  digit: '3',
  confidence,
  others: [{ digit: '9', confidence: 1 - confidence }],
});

it('takes what is below, not what is as sure as asked for', () => {
  const all = [named('a', 0.5), named('b', 0.75), named('c', 0.74), named('d', 1), named('e', Number.NaN)];
  expect(doubtful(all, 0.75).map(({ filename }) => filename)).toEqual(['a', 'c', 'e']);
  expect(doubtful(all, 1).map(({ filename }) => filename)).toEqual(['a', 'b', 'c', 'e']);
});

it('lists the least certain first, equals by name, with the guesses after the first', () => {
  const all = [named('b', 0.5), named('c', 0.375), named('a', 0.5), named('d', Number.NaN)];
  const lines = reviewCsv(all, 2).split('\n');
  expect(lines).toEqual([
    'filename,digit,confidence,digit2,confidence2',
    'd,3,NaN,9,NaN',
    'c,3,0.375000,9,0.625000',
    'a,3,0.500000,9,0.500000',
    'b,3,0.500000,9,0.500000',
    '',
  ]);
});
