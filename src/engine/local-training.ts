import { z } from 'zod';
import { clipGradientNorm, scaleGradient } from './gradients.js';
import type { UpdateKernels } from './kernels/reference/update.js';
import type { Model } from './model.js';
import { createOptimizer, type OptimizerSpec, parseOptimizerSpec } from './optimizer.js';
import { createSchedule, parseScheduleSpec, type ScheduleSpec } from './schedule.js';
import { SpecError } from './spec.js';
import { updateStatistics } from './statistics.js';

/**
 * How a replica trains by itself between two averagings: local SGD (Stich, "Local SGD converges fast and communicates little",
 * 2019), with the outer optimizer of DiLoCo (Douillard et al., 2023) where the replicas meet.
 */
export interface LocalTrainingSpec {
  /** H: inner steps from one averaging to the next. */
  steps: number;
  optimizer: OptimizerSpec;
  /** Over the inner steps of the whole run. */
  schedule: ScheduleSpec;
  learningRate: number;
  /** Inner steps of the whole run. */
  totalSteps: number;
  /** Largest L2 norm of the mean gradient of an inner step; null leaves it as it is. */
  clipNorm: number | null;
}

const shape = z.strictObject({
  steps: z.int().positive(),
  optimizer: z.unknown(),
  schedule: z.unknown(),
  learningRate: z.number().positive(),
  totalSteps: z.int().positive(),
  clipNorm: z.number().positive().nullable(),
});

/** @throws SpecError for what is no such spec */
export function parseLocalTraining(json: unknown): LocalTrainingSpec {
  const parsed = shape.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SpecError(`The local training is not valid at "${issue?.path.join('.')}": ${issue?.message}.`);
  }
  const { optimizer, schedule } = parsed.data;
  return {
    ...parsed.data,
    optimizer: parseOptimizerSpec(optimizer),
    schedule: parseScheduleSpec(schedule),
  };
}

/** One replica at a time; the optimizer's memory is made once. */
export interface LocalTraining {
  readonly steps: number;
  /** A replica starts: its optimizer remembers nothing. So a replica is a function of its parameters, samples and number. */
  begin(): void;
  /**
   * Inner step `step` of the run (from 0): parameters[parameterCount] ← those after it, running statistics among them.
   * gradientSum[parameterCount] over `samples` samples is overwritten.
   */
  step(parameters: Float32Array, gradientSum: Float32Array, samples: number, step: number): void;
}

/** `kernels`: what the steps are computed with; they change no bit, only the time. */
export function createLocalTraining(
  model: Model,
  spec: LocalTrainingSpec,
  kernels?: UpdateKernels,
): LocalTraining {
  const { learntCount, statistics } = model;
  const { steps, clipNorm, learningRate, totalSteps } = spec;
  const optimizer = createOptimizer(spec.optimizer, kernels);
  const schedule = createSchedule(spec.schedule, { learningRate, totalSteps });
  const state = optimizer.init(learntCount);
  const scalars = { ...state.scalars };
  return {
    steps,
    begin() {
      state.updates = 0;
      state.scalars = { ...scalars };
      for (const slot of Object.values(state.slots)) slot.fill(0);
    },
    step(parameters, gradientSum, samples, step) {
      scaleGradient(gradientSum, 1 / samples, kernels);
      const gradient = gradientSum.subarray(0, learntCount);
      if (clipNorm !== null) clipGradientNorm(gradient, clipNorm, kernels);
      optimizer.update(parameters.subarray(0, learntCount), gradient, state, schedule(step));
      updateStatistics(statistics, parameters, gradientSum, samples);
    },
  };
}
