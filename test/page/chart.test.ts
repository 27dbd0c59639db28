import { describe, expect, it } from 'vitest';
import { decades, span, ticks } from '../../src/page/browser/chart.js';
import { duration, milliseconds, percent } from '../../src/page/browser/format.js';

describe('the axes of a chart', () => {
  it('have round numbers around what is shown', () => {
    expect(ticks(0, 97, 4)).toEqual([0, 50, 100]);
    expect(ticks(0.12, 0.31, 4)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3, 0.35]);
    expect(ticks(3, 3, 4)).toEqual([3]);
    expect(decades(0.004, 2.5)).toEqual([0.001, 0.01, 0.1, 1, 10]);
    expect(decades(1, 1)).toEqual([1, 10]);
  });

  it('have room for a single value, and for none', () => {
    expect(span([])).toEqual([0, 1]);
    expect(span([5])).toEqual([4.5, 5.5]);
    expect(span([0])).toEqual([-1, 1]);
    expect(span([2, -1, 7])).toEqual([-1, 7]);
  });
});

it('writes numbers as people read them', () => {
  expect([duration(4.23), duration(42), duration(185), duration(7620), duration(null)]).toEqual([
    '4.2 s',
    '42 s',
    '3 min 5 s',
    '2 h 7 min',
    '–',
  ]);
  expect([milliseconds(0.34), milliseconds(4.2), milliseconds(47.4), milliseconds(1234)]).toEqual([
    '0.34 ms',
    '4.2 ms',
    '47 ms',
    '1.23 s',
  ]);
  expect(percent(0.98765)).toBe('98.77 %');
});
