import { describe, expect, it } from 'vitest';
import { aheadAfter, firstLeft } from '../../src/coordinator/ahead.js';
import { createRandom, permutation } from '../../src/engine/index.js';

describe('the steps that are done', () => {
  it('in their order are none ahead', () => {
    expect(aheadAfter(7, [], 7)).toEqual([]);
    expect(firstLeft({ step: 8, ahead: [] })).toBe(8);
  });

  it('are told by what is done beyond the first that is not', () => {
    // Of six that are done, 0 to 3 are the first ones; 4 is not done.
    expect(firstLeft({ step: 6, ahead: [5, 7] })).toBe(4);
    expect(aheadAfter(6, [5, 7], 6)).toEqual([5, 6, 7]);
    expect(aheadAfter(6, [5, 7], 4)).toEqual([7]);
    expect(aheadAfter(7, [5, 6, 7], 4)).toEqual([]);
  });

  it('are as many as there were, whatever the order', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const order = [...permutation(50, createRandom(seed))];
    let ahead: readonly number[] = [];
    for (const [count, step] of order.entries()) {
      ahead = aheadAfter(count, ahead, step);
      const done = new Set(order.slice(0, count + 1));
      const left = firstLeft({ step: count + 1, ahead });
      expect(done.has(left), `seed ${seed}`).toBe(false);
      const named = [...Array.from({ length: left }, (_, i) => i), ...ahead];
      expect(new Set(named), `seed ${seed}`).toEqual(done);
    }
    expect(ahead).toEqual([]);
  });
});
