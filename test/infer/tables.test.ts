import { expect, it } from 'vitest';
import { alignColumns, evaluatePredictions, formatConfusion, formatScores } from '../../src/infer/index.js';

it('aligns columns: the first to the left, the others to the right', () => {
  expect(
    alignColumns([
      ['', 'a', 'bb'],
      ['long', '1', '1000'],
      ['x', '22', '·'],
    ]),
  ).toEqual(['       a    bb', 'long   1  1000', 'x     22     ·']);
});

it('shows truth downwards and guess across, with dots for zeros', () => {
  const confusion = Uint32Array.of(120, 0, 3, 47);
  expect(formatConfusion(confusion, ['0', '1']).split('\n').slice(1)).toEqual([
    '     0   1',
    '0  120   ·',
    '1    3  47',
  ]);
});

it('says how the macro mean is taken and what 0/0 counts as', () => {
  const evaluation = evaluatePredictions({
    labels: Uint8Array.of(0, 1, 1),
    probabilities: Float32Array.of(0.75, 0.25, 0.25, 0.75, 0.75, 0.25),
    classes: ['0', '1'],
  });
  const text = formatScores(evaluation);
  expect(text).toContain('accuracy  66.67 %  (2 of 3)');
  expect(text).toContain('0/0 counts as 0');
  expect(text.split('\n').at(-1)).toBe('1         1.0000  0.5000  0.6667        2');
});
