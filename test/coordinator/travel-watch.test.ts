import { expect, it } from 'vitest';
import type { TimedStep } from '../../src/coordinator/step-timeline.js';
import { createTravelWatch } from '../../src/coordinator/travel-watch.js';

const batch = 128;
/** A step of 10 ms of which so much is on the way. */
function step(travelMs: number, mode: TimedStep['mode'] = 'train'): TimedStep {
  const phases = {
    broadcast: travelMs / 4,
    queue: (travelMs * 3) / 4,
    compute: 10 - travelMs,
    sum: 0,
    update: 0,
  };
  return { mode, step: 0, startMs: 5, endMs: 15, segments: [], phases };
}

function linesOf(steps: readonly TimedStep[], overlapping = false, exact = true): string[] {
  const watch = createTravelWatch({ batch, overlapping, exact });
  return steps.flatMap((one) => watch.add(one) ?? []);
}
const many = (count: number, one: TimedStep): TimedStep[] => Array.from({ length: count }, () => one);

it('says once that more than a third of the steps goes on messages, and what to change', () => {
  const lines = linesOf(many(1000, step(4)));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('40 % of a step (10.0 ms)');
  expect(lines[0]).toContain('--batch 256');
  expect(lines[0]).toContain('--delay 1');
});

it('says nothing of a run whose steps overlap: they wait while others are computed', () => {
  expect(linesOf(many(1000, step(9)), true)).toEqual([]);
});

it('says nothing of less, of the first steps, in which data blocks are fetched, and of validations', () => {
  expect(linesOf(many(1000, step(3.3)))).toEqual([]);
  expect(linesOf([...many(128, step(9)), ...many(500, step(1))])).toEqual([]);
  expect(linesOf(many(1000, step(9, 'evaluate')))).toEqual([]);
});

it('is not misled by a few steps that waited long', () => {
  const waited: TimedStep = { ...step(9.99), endMs: 60_005 };
  const steps = Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? waited : step(1)));
  expect(linesOf(steps)).toEqual([]);
});

it('offers neither a delay nor measured sizes to a run whose mode takes none', () => {
  const [line] = linesOf(many(1000, step(4)), false, false);
  expect(line).toContain('--batch 256)');
  expect(line).not.toMatch(/--delay|auto/);
});
