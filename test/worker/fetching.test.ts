import { describe, expect, it } from 'vitest';
import { arrival, joined } from './mind.js';

const request = (block: number) => ({ type: 'request_block', run: 'r1', block });
const stored = (block: number) => ({ type: 'block_stored', run: 'r1', block }) as const;
const failed = (block: number) => ({ type: 'block_failed', run: 'r1', block, reason: 'torn' }) as const;

describe('missing blocks', () => {
  it('are fetched before their task is computed', () => {
    const mind = joined();
    expect(mind.on(arrival(1, {}, [4, 6]))).toEqual([request(4), request(6)]);
    mind.nowMs = 20;
    expect(mind.on(stored(4))).toEqual([]);
    mind.nowMs = 50;
    expect(mind.types(stored(6))).toEqual(['compute']);
    expect(mind.on({ type: 'computed', delivery: 1 })).toMatchObject([
      { type: 'publish', fetchMs: 50, waitMs: 0 },
    ]);
  });

  it('are asked for once by all tasks that need them, a few at a time', () => {
    const mind = joined({ fetchesAtOnce: 2 });
    expect(mind.on(arrival(1, {}, [1, 2, 3]))).toEqual([request(1), request(2)]);
    expect(mind.on(arrival(2, { node: 3 }, [2, 3]))).toEqual([]);
    expect(mind.on(stored(2))).toEqual([request(3)]);
    expect(mind.types(stored(3))).toEqual(['compute']);
  });

  it('do not hold back tasks that need none', () => {
    const mind = joined();
    mind.on(arrival(1, {}, [1]));
    expect(mind.on(arrival(2, { node: 3 }))).toMatchObject([{ type: 'compute', delivery: 2 }]);
  });

  it('are asked for again when no answer comes in time', () => {
    const mind = joined({ fetchTimeoutMs: 300, fetchRetryMs: 50 });
    mind.on(arrival(1, {}, [4]));
    expect(mind.wakeMs()).toBe(300);
    expect(mind.after(299)).toEqual([]);
    expect(mind.after(1)).toEqual([]);
    expect(mind.wakeMs()).toBe(350);
    expect(mind.after(50)).toEqual([request(4)]);
    expect(mind.types(stored(4))).toEqual(['compute']);
  });

  it('are asked for again when something else came, later each time', () => {
    const mind = joined({ fetchRetryMs: 50 });
    mind.on(arrival(1, {}, [4]));
    expect(mind.on(failed(4))).toEqual([]);
    expect(mind.after(50)).toEqual([request(4)]);
    mind.on(failed(4));
    expect(mind.after(99)).toEqual([]);
    expect(mind.after(1)).toEqual([request(4)]);
  });

  it('that never come fail the tasks that need them', () => {
    const mind = joined({ fetchAttempts: 2, fetchRetryMs: 1 });
    mind.on(arrival(1, {}, [4]));
    mind.on(arrival(2, { node: 3 }, [4, 5]));
    mind.on(failed(4));
    mind.after(1);
    expect(mind.quietly(failed(4))).toMatchObject([
      { type: 'send_failure', delivery: 1, reason: expect.stringContaining('block 4') },
      { type: 'send_failure', delivery: 2 },
    ]);
  });

  it('are forgotten with the link and asked for again by the next task', () => {
    const mind = joined();
    mind.on(arrival(1, {}, [4]));
    mind.on({ type: 'link_down', reason: 'reset' });
    expect(mind.run.fetches).toEqual([]);
    mind.on({ type: 'link_up' });
    expect(mind.on(arrival(2, {}, [4]))).toEqual([request(4)]);
  });

  it('found missing only by the thread are fetched, and the task computed again', () => {
    const mind = joined();
    mind.on(arrival(1));
    expect(mind.on({ type: 'block_missing', delivery: 1, block: 7 })).toEqual([request(7)]);
    expect(mind.types(stored(7))).toEqual(['compute']);
  });

  it('an answer that nobody waits for changes nothing', () => {
    const mind = joined();
    expect(mind.on(stored(9))).toEqual([]);
    expect(mind.on(failed(9))).toEqual([]);
  });
});
