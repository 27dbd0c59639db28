import { expect, it } from 'vitest';
import { createDoingMeter } from '../../../src/coordinator/view/doing.js';
import { choose } from '../../../src/coordinator/view/gallery.js';
import { createThinned } from '../../../src/coordinator/view/thinned.js';

it('keeps a line small however long it gets, and its mean', () => {
  const line = createThinned(8);
  for (let x = 1; x <= 1024; x++) {
    line.add(x, [x, 2 * x]);
    expect(line.points().length).toBeLessThanOrEqual(8);
  }
  const points = line.points();
  expect(points.length).toBeGreaterThanOrEqual(4);
  // Each point stands at the end of equally many values, and is their mean.
  const stride = 1024 / points.length;
  for (const [i, [x, mean, double]] of points.entries()) {
    expect(x).toBe((i + 1) * stride);
    expect(mean).toBeCloseTo((i + 0.5) * stride + 0.5, 9);
    expect(double).toBeCloseTo(2 * (mean ?? 0), 9);
  }
});

it('takes every class in turn, in their order', () => {
  const labels = Uint8Array.of(2, 2, 2, 0, 1, 2, 0);
  expect(choose(Uint32Array.of(0, 1, 2, 3, 4, 5, 6), labels, 5)).toEqual([3, 6, 4, 0, 1]);
  expect(choose(Uint32Array.of(4, 5), labels, 5)).toEqual([4, 5]);
});

it('says what share of its threads a worker computes and fetches in, over the last seconds', () => {
  let nowMs = 0;
  const meter = createDoingMeter(() => nowMs);
  expect(meter.of('a', 2)).toBeNull();
  meter.accepted('a', { computeMs: 1000, fetchMs: 400, threads: 1 });
  meter.accepted('a', { computeMs: 1000, fetchMs: 0, threads: 0 });
  nowMs = 2000;
  expect(meter.of('a', 2)).toEqual({ computing: 0.5, fetching: 0.1 });
  // A block that both threads shared.
  meter.accepted('a', { computeMs: 1000, fetchMs: 200, threads: 2 });
  nowMs = 4000;
  expect(meter.of('a', 2)).toEqual({ computing: 0.5, fetching: 0.1 });
  // One block longer than the window, and fetching beside it: never more than all of the time.
  meter.accepted('a', { computeMs: 9000, fetchMs: 3000, threads: 1 });
  nowMs = 6000;
  expect(meter.of('a', 2)).toEqual({ computing: 1, fetching: 0 });
  nowMs = 8000;
  expect(meter.of('a', 2)).toEqual({ computing: 0, fetching: 0 });
  meter.keep(new Set());
  expect(meter.of('a', 2)).toBeNull();
});
