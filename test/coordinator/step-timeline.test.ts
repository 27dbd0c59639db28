import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { createStepTimeline, type StepPhase, stepPhases } from '../../src/coordinator/step-timeline.js';
import { createRandom } from '../../src/engine/index.js';
import type { Mode } from '../../src/protocol/index.js';

const at = (step: number, mode: Mode = 'train') => ({ mode, step });

it('gives each moment to the first phase that is under way, and the rest to the queue', () => {
  const timeline = createStepTimeline();
  timeline.open(at(7), 100);
  timeline.add(at(7), 'broadcast', { startMs: 101, endMs: 106 });
  timeline.add(at(7), 'compute', { startMs: 104, endMs: 112 });
  timeline.add(at(7), 'compute', { startMs: 103, endMs: 110 });
  timeline.add(at(7), 'sum', { startMs: 111, endMs: 113 });
  timeline.add(at(7), 'sum', { startMs: 115, endMs: 116 });
  timeline.add(at(7), 'update', { startMs: 116, endMs: 120 });
  const timed = timeline.close(at(7), 120);
  expect(timed).toMatchObject({ mode: 'train', step: 7, startMs: 100, endMs: 120 });
  expect(timed?.segments).toEqual([
    { phase: 'queue', startMs: 100, endMs: 101 },
    { phase: 'broadcast', startMs: 101, endMs: 103 },
    { phase: 'compute', startMs: 103, endMs: 112 },
    { phase: 'sum', startMs: 112, endMs: 113 },
    { phase: 'queue', startMs: 113, endMs: 115 },
    { phase: 'sum', startMs: 115, endMs: 116 },
    { phase: 'update', startMs: 116, endMs: 120 },
  ]);
  expect(timed?.phases).toEqual({ queue: 3, broadcast: 2, compute: 9, sum: 2, update: 4 });
});

it('cuts off what began before the step or ends after it, and knows nothing between steps', () => {
  const timeline = createStepTimeline();
  const validation = at(0, 'evaluate');
  timeline.add(validation, 'compute', { startMs: 0, endMs: 9 });
  expect(timeline.close(validation, 9)).toBeNull();
  timeline.open(validation, 10);
  timeline.add(validation, 'broadcast', { startMs: 5, endMs: 12 });
  timeline.add(validation, 'compute', { startMs: 18, endMs: 40 });
  expect(timeline.close(validation, 20)?.phases).toEqual({
    update: 0,
    compute: 2,
    sum: 0,
    broadcast: 2,
    queue: 6,
  });
  expect(timeline.close(validation, 21)).toBeNull();
  // A front that was given up leaves nothing to the next.
  timeline.open(at(1), 30);
  timeline.add(at(1), 'compute', { startMs: 30, endMs: 31 });
  timeline.open(at(1), 40);
  expect(timeline.close(at(1), 50)?.phases.queue).toBe(10);
});

it('keeps apart what is in flight at once', () => {
  const timeline = createStepTimeline();
  timeline.open(at(4), 0);
  timeline.open(at(5), 2);
  timeline.add(at(4), 'compute', { startMs: 1, endMs: 6 });
  timeline.add(at(5), 'compute', { startMs: 6, endMs: 9 });
  expect(timeline.close(at(4), 8)?.phases).toMatchObject({ compute: 5, queue: 3 });
  expect(timeline.close(at(5), 10)).toMatchObject({ startMs: 2, phases: { compute: 3, queue: 5 } });
});

const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));
it(`adds up to the step, without gap or overlap, whatever went on (seed ${seed})`, () => {
  const random = createRandom(seed, 0);
  const busy = stepPhases.filter((phase): phase is Exclude<StepPhase, 'queue'> => phase !== 'queue');
  for (let round = 0; round < 200; round++) {
    const timeline = createStepTimeline();
    timeline.open(at(round), 1_000);
    for (let i = random.below(40); i > 0; i--) {
      const startMs = 950 + random.float() * 200;
      const phase = busy[random.below(busy.length)] ?? 'compute';
      timeline.add(at(round), phase, { startMs, endMs: startMs + random.float() * 30 });
    }
    const timed = timeline.close(at(round), 1_100);
    const segments = timed?.segments ?? [];
    expect([segments[0]?.startMs, segments.at(-1)?.endMs]).toEqual([1_000, 1_100]);
    for (const [i, segment] of segments.entries()) {
      expect(segment.endMs).toBeGreaterThan(segment.startMs);
      if (i > 0) expect(segment.startMs).toBe(segments[i - 1]?.endMs);
    }
    const total = Object.values(timed?.phases ?? {}).reduce((sum, ms) => sum + ms, 0);
    expect(total).toBeCloseTo(100, 9);
  }
});
