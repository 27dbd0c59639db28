import { expect, it } from 'vitest';
import { placeBlock } from '../../src/coordinator/block-times.js';
import { createWorkerClocks } from '../../src/coordinator/worker-clock.js';

/** An exchange with a worker whose clock shows `ahead` more than ours. */
const exchange = (ahead: number, publishedMs: number, outMs: number, heldMs: number, backMs: number) => ({
  publishedMs,
  takenAtMs: publishedMs + outMs + ahead,
  sentAtMs: publishedMs + outMs + heldMs + ahead,
  arrivedMs: publishedMs + outMs + heldMs + backMs,
});

it('knows another clock as well as the fastest messages each way tell', () => {
  const clocks = createWorkerClocks();
  expect(clocks.offsetMs('w')).toBe(0);
  clocks.heard('w', exchange(5_000, 100, 8, 50, 2));
  // Out in 8 ms and back in 2: half of the difference is the error.
  expect(clocks.offsetMs('w')).toBe(-5_003);
  clocks.heard('w', exchange(5_000, 300, 1, 50, 40));
  expect(clocks.offsetMs('w')).toBe(-4_999.5);
  clocks.heard('v', exchange(-70, 100, 3, 50, 3));
  expect(clocks.offsetMs('v')).toBe(70);
  clocks.forget('w');
  expect(clocks.offsetMs('w')).toBe(0);
});

it('follows a clock that drifts: old bounds do not count for ever', () => {
  const clocks = createWorkerClocks();
  for (let i = 0; i < 200; i++) clocks.heard('w', exchange(i, 100 * i, 2, 50, 2));
  // Thirty-two exchanges are remembered, over which it went wrong by 31.
  expect(Math.abs(clocks.offsetMs('w') + 199)).toBeLessThan(32);
});

it('places what a worker tells between publishing and arrival, in its order', () => {
  const result = { takenAtMs: 1_010, fetchMs: 5, waitMs: 10, computeMs: 30 };
  expect(placeBlock(result, -1_000, { startMs: 8, endMs: 60 })).toEqual({
    fetching: { startMs: 10, endMs: 15 },
    waiting: { startMs: 15, endMs: 25 },
    computing: { startMs: 25, endMs: 55 },
    publishing: { startMs: 55, endMs: 60 },
  });
});

it.each([
  ['before', { takenAtMs: 0, fetchMs: 1, waitMs: 1, computeMs: 1 }],
  ['after', { takenAtMs: 1e300, fetchMs: 1e300, waitMs: 0, computeMs: 1 }],
  ['all the time', { takenAtMs: 0, fetchMs: 1e300, waitMs: 1e300, computeMs: 1e300 }],
])('keeps within the bounds, whatever a worker claims: %s', (_what, result) => {
  const bounds = { startMs: 100, endMs: 160 };
  const spans = Object.values(placeBlock(result, 0, bounds));
  for (const [i, { startMs, endMs }] of spans.entries()) {
    expect(startMs).toBeGreaterThanOrEqual(spans[i - 1]?.endMs ?? bounds.startMs);
    expect(endMs).toBeGreaterThanOrEqual(startMs);
    expect(endMs).toBeLessThanOrEqual(bounds.endMs);
  }
});
