import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { createStepTimeline, type StepPhase, stepPhases } from '../../src/coordinator/step-timeline.js';
import { createRandom } from '../../src/engine/index.js';

it('gives each moment to the first phase that is under way, and the rest to the queue', () => {
  const timeline = createStepTimeline();
  timeline.open('train', 7, 100);
  timeline.add('broadcast', { startMs: 101, endMs: 106 });
  timeline.add('compute', { startMs: 104, endMs: 112 });
  timeline.add('compute', { startMs: 103, endMs: 110 });
  timeline.add('sum', { startMs: 111, endMs: 113 });
  timeline.add('sum', { startMs: 115, endMs: 116 });
  timeline.add('update', { startMs: 116, endMs: 120 });
  const timed = timeline.close(120);
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
  timeline.add('compute', { startMs: 0, endMs: 9 });
  expect(timeline.close(9)).toBeNull();
  timeline.open('evaluate', 0, 10);
  timeline.add('broadcast', { startMs: 5, endMs: 12 });
  timeline.add('compute', { startMs: 18, endMs: 40 });
  expect(timeline.close(20)?.phases).toEqual({ update: 0, compute: 2, sum: 0, broadcast: 2, queue: 6 });
  expect(timeline.close(21)).toBeNull();
  // A front that was given up leaves nothing to the next.
  timeline.open('train', 1, 30);
  timeline.add('compute', { startMs: 30, endMs: 31 });
  timeline.open('train', 1, 40);
  expect(timeline.close(50)?.phases.queue).toBe(10);
});

const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));
it(`adds up to the step, without gap or overlap, whatever went on (seed ${seed})`, () => {
  const random = createRandom(seed, 0);
  const busy = stepPhases.filter((phase): phase is Exclude<StepPhase, 'queue'> => phase !== 'queue');
  for (let round = 0; round < 200; round++) {
    const timeline = createStepTimeline();
    timeline.open('train', round, 1_000);
    for (let i = random.below(40); i > 0; i--) {
      const startMs = 950 + random.float() * 200;
      const phase = busy[random.below(busy.length)] ?? 'compute';
      timeline.add(phase, { startMs, endMs: startMs + random.float() * 30 });
    }
    const timed = timeline.close(1_100);
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
