import { z } from 'zod';
import { assertNever } from './assert-never.js';
import { parseChoice } from './choice.js';
import { cos, integerPower } from './math.js';
import { SpecError } from './spec.js';

interface Warmup {
  /** Steps of the linear climb before the schedule proper begins; default 0. */
  warmupSteps?: number | undefined;
}

/** How the learning rate moves over a run. All lengths are in steps (weight updates), not epochs. */
export type ScheduleSpec =
  | ({ type: 'constant' } & Warmup)
  | ({
      type: 'step';
      /** Multiply by `factor` after so many steps each time; default: a third of the run, rounded up. */
      everySteps?: number | undefined;
      /** Default 0.1. */
      factor?: number | undefined;
    } & Warmup)
  | ({
      type: 'cosine';
      /** Where the descent ends, as a fraction of the learning rate; default 0. */
      finalFraction?: number | undefined;
    } & Warmup)
  | ({
      type: 'one_cycle';
      /** Part of the run that climbs; default 0.3. */
      climbFraction?: number | undefined;
      /** The climb begins at learningRate / startDivisor; default 25. */
      startDivisor?: number | undefined;
      /** The descent ends at the beginning's rate / finalDivisor; default 10,000. */
      finalDivisor?: number | undefined;
    } & Warmup);

/** Learning rate of the update that step `step` (from 0) makes. Steps past the run's end take the last one's rate. */
export type Schedule = (step: number) => number;

const warmup = { warmupSteps: z.number().int().min(0).max(1e9).optional() };
const divisor = z.number().min(1).max(1e12).optional();

const schemas = {
  constant: z.strictObject({ type: z.literal('constant'), ...warmup }),
  step: z.strictObject({
    type: z.literal('step'),
    everySteps: z.number().int().min(1).max(1e9).optional(),
    factor: z.number().positive().max(1).optional(),
    ...warmup,
  }),
  cosine: z.strictObject({
    type: z.literal('cosine'),
    finalFraction: z.number().min(0).max(1).optional(),
    ...warmup,
  }),
  one_cycle: z.strictObject({
    type: z.literal('one_cycle'),
    climbFraction: z.number().min(0).max(1).optional(),
    startDivisor: divisor,
    finalDivisor: divisor,
    ...warmup,
  }),
} satisfies { [T in ScheduleSpec['type']]: z.ZodType<Extract<ScheduleSpec, { type: T }>> };

/**
 * Reads `{ "type": "one_cycle", … }` or just `"one_cycle"`, and fills in every default that does not depend on the run's length.
 *
 * @throws SpecError naming the key, what was expected and what was found
 */
export function parseScheduleSpec(json: unknown): ScheduleSpec {
  const spec = parseChoice<ScheduleSpec>('schedule', schemas, json);
  const warmupSteps = spec.warmupSteps ?? 0;
  switch (spec.type) {
    case 'constant':
      return { type: 'constant', warmupSteps };
    case 'step': {
      const { everySteps, factor = 0.1 } = spec;
      return { type: 'step', ...(everySteps === undefined ? {} : { everySteps }), factor, warmupSteps };
    }
    case 'cosine':
      return { type: 'cosine', finalFraction: spec.finalFraction ?? 0, warmupSteps };
    case 'one_cycle': {
      const { climbFraction = 0.3, startDivisor = 25, finalDivisor = 10_000 } = spec;
      return { type: 'one_cycle', climbFraction, startDivisor, finalDivisor, warmupSteps };
    }
    default:
      return assertNever(spec);
  }
}

export interface ScheduleOptions {
  /** The largest rate of the run. */
  learningRate: number;
  /** Updates of the whole run: epochs × steps per epoch. */
  totalSteps: number;
}

/**
 * The schedule of one run. With W warm-up steps, step s < W has (s + 1)/(W + 1) of the rate that the schedule proper starts with
 * (PyTorch's `LinearLR` with start_factor 1/(W + 1) over W steps), and the schedule proper spreads over the steps that remain.
 *
 * @throws SpecError if the spec is not valid, or warm-up leaves no step; RangeError for a rate or length that is none
 */
export function createSchedule(spec: ScheduleSpec, { learningRate, totalSteps }: ScheduleOptions): Schedule {
  if (!(learningRate > 0 && learningRate < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Expected a learning rate above 0, found ${learningRate}.`);
  }
  if (!Number.isSafeInteger(totalSteps) || totalSteps < 1) {
    throw new RangeError(`Expected a run of at least 1 step, found ${totalSteps}.`);
  }
  const full = parseScheduleSpec(spec);
  const warmupSteps = full.warmupSteps ?? 0;
  if (warmupSteps >= totalSteps) {
    throw new SpecError(
      `The schedule warms up for ${warmupSteps} steps, but the whole run has ${totalSteps}. Give fewer warmupSteps or train for more epochs.`,
    );
  }
  const main = mainSchedule(full, learningRate, totalSteps - warmupSteps);
  return (step) => {
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new RangeError(`Expected a step number from 0, found ${step}.`);
    }
    if (step < warmupSteps) return (main(0) * (step + 1)) / (warmupSteps + 1);
    return main(Math.min(step, totalSteps - 1) - warmupSteps);
  };
}

/** The schedule without warm-up, for steps 0 … length−1. */
function mainSchedule(spec: ScheduleSpec, rate: number, length: number): Schedule {
  switch (spec.type) {
    case 'constant':
      return () => rate;
    case 'step': {
      // PyTorch's StepLR: rate · factor^⌊step / everySteps⌋
      const { everySteps = Math.ceil(length / 3), factor = 0.1 } = spec;
      return (step) => rate * integerPower(factor, Math.floor(step / everySteps));
    }
    case 'cosine': {
      // Loshchilov, Hutter, "SGDR", 2017, without restarts; PyTorch's CosineAnnealingLR with T_max = length.
      const last = rate * (spec.finalFraction ?? 0);
      return (step) => anneal(rate, last, step / length);
    }
    case 'one_cycle':
      return oneCycle(spec, rate, length);
    default:
      return assertNever(spec);
  }
}

/**
 * Smith, Topin, "Super-convergence", 2018, in the two-phase cosine form of PyTorch's OneCycleLR: up from rate/startDivisor to the
 * rate at step climbFraction · length − 1, then down to rate/startDivisor/finalDivisor at the last step. A run so short that the
 * climb would end before its first step starts at the top.
 */
function oneCycle(
  spec: Extract<ScheduleSpec, { type: 'one_cycle' }>,
  rate: number,
  length: number,
): Schedule {
  const { climbFraction = 0.3, startDivisor = 25, finalDivisor = 10_000 } = spec;
  const first = rate / startDivisor;
  const last = first / finalDivisor;
  const top = Math.max(0, climbFraction * length - 1);
  const end = length - 1;
  return (step) => {
    if (step < top) return anneal(first, rate, step / top);
    return step === top ? rate : anneal(rate, last, (step - top) / (end - top));
  };
}

/** Half a cosine wave from one rate (part 0) to another (part 1). */
function anneal(from: number, to: number, part: number): number {
  return to + ((from - to) / 2) * (1 + cos(Math.PI * part));
}
