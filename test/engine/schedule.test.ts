import { describe, expect, test } from 'vitest';
import { createSchedule, parseScheduleSpec, type ScheduleSpec, SpecError } from '../../src/engine/index.js';
import { golden } from './optimizer-golden.js';

const rates = (spec: ScheduleSpec, totalSteps: number, learningRate = 1): number[] => {
  const schedule = createSchedule(spec, { learningRate, totalSteps });
  return Array.from({ length: totalSteps }, (_, step) => schedule(step));
};

test.each(golden.schedules.map((c) => [JSON.stringify(c.spec), c.totalSteps, c] as const))(
  '%s over %i steps is as in PyTorch',
  (_name, totalSteps, { spec, learningRate, rates: expected }) => {
    for (const [step, rate] of rates(spec, totalSteps, learningRate).entries()) {
      expect(Math.abs(rate / expected[step] - 1), `step ${step}`).toBeLessThan(1e-10);
    }
  },
);

test('warm-up climbs in equal steps to the first rate of the schedule proper', () => {
  expect(rates({ type: 'constant', warmupSteps: 3 }, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
});

test('no step of any schedule has a rate of 0 or above the one asked for', () => {
  for (const type of ['constant', 'step', 'cosine', 'one_cycle'] as const) {
    for (const totalSteps of [1, 2, 3, 4, 7, 50]) {
      for (const warmupSteps of [0, 1, totalSteps - 1].filter((steps) => steps < totalSteps)) {
        for (const rate of rates({ type, warmupSteps }, totalSteps)) {
          expect(rate > 0 && rate <= 1, `${type}, ${totalSteps} steps, ${warmupSteps} warm-up: ${rate}`).toBe(
            true,
          );
        }
      }
    }
  }
});

test('one_cycle reaches its top and ends at its floor', () => {
  const all = rates({ type: 'one_cycle' }, 100);
  expect(all[0]).toBeCloseTo(1 / 25, 12);
  expect(all[29]).toBe(1);
  expect(all[99]).toBeCloseTo(1 / 250_000, 12);
  expect(rates({ type: 'one_cycle' }, 1)).toEqual([1]);
  expect(rates({ type: 'one_cycle', climbFraction: 1 }, 4).at(-1)).toBe(1);
});

test('step drops three times less often than the run is long unless told', () => {
  expect(rates({ type: 'step', factor: 0.5 }, 6)).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
});

test('past the end the last rate stays', () => {
  const schedule = createSchedule({ type: 'cosine' }, { learningRate: 1, totalSteps: 10 });
  expect(schedule(10)).toBe(schedule(9));
  expect(schedule(1e6)).toBe(schedule(9));
});

describe('misuse', () => {
  test('warm-up that leaves nothing', () => {
    const spec: ScheduleSpec = { type: 'constant', warmupSteps: 10 };
    const make = () => createSchedule(spec, { learningRate: 1, totalSteps: 10 });
    expect(make).toThrow(SpecError);
    expect(make).toThrow('warms up for 10 steps, but the whole run has 10');
  });

  test.each([
    [0, 10],
    [Number.NaN, 10],
    [Number.POSITIVE_INFINITY, 10],
    [-1, 10],
    [1, 0],
    [1, 1.5],
  ])('learning rate %d over %d steps', (learningRate, totalSteps) => {
    expect(() => createSchedule({ type: 'constant' }, { learningRate, totalSteps })).toThrow(RangeError);
  });

  test.each([-1, 0.5, Number.NaN])('step %d', (step) => {
    const schedule = createSchedule({ type: 'constant' }, { learningRate: 1, totalSteps: 10 });
    expect(() => schedule(step)).toThrow(RangeError);
  });
});

describe('parsing', () => {
  test('a name alone, with defaults filled in', () => {
    expect(parseScheduleSpec('constant')).toEqual({ type: 'constant', warmupSteps: 0 });
    expect(parseScheduleSpec('step')).toEqual({ type: 'step', factor: 0.1, warmupSteps: 0 });
    expect(parseScheduleSpec('cosine')).toEqual({ type: 'cosine', finalFraction: 0, warmupSteps: 0 });
    expect(parseScheduleSpec({ type: 'one_cycle', warmupSteps: 5 })).toEqual({
      type: 'one_cycle',
      climbFraction: 0.3,
      startDivisor: 25,
      finalDivisor: 10_000,
      warmupSteps: 5,
    });
  });

  test.each<[unknown, string]>([
    ['linear', 'expected a type of constant, step, cosine, one_cycle; found "linear".'],
    [undefined, 'found nothing.'],
    [{ type: 'step', every: 3 }, 'The schedule "step" is not valid: unknown key "every".'],
    [{ type: 'step', everySteps: 0 }, 'at "everySteps"'],
    [{ type: 'cosine', finalFraction: 2 }, 'found 2.'],
    [{ type: 'constant', warmupSteps: 1.5 }, 'at "warmupSteps"'],
    [{ type: 'one_cycle', startDivisor: 0.5 }, 'at "startDivisor"'],
  ])('refuses %j', (json, message) => {
    expect(() => parseScheduleSpec(json)).toThrow(SpecError);
    expect(() => parseScheduleSpec(json)).toThrow(message);
  });
});
