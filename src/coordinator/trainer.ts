import {
  allFinite,
  averageStatistics,
  clipGradientNorm,
  createOptimizer,
  createSchedule,
  euclideanNorm,
  initialParameters,
  type Model,
  type Optimizer,
  type OptimizerState,
  type Schedule,
  scaleGradient,
  type UpdateKernels,
  updateStatistics,
} from '../engine/index.js';
import { aheadAfter } from './ahead.js';
import { decayAt, updateAverage } from './average.js';
import { CheckpointError } from './errors.js';
import { localSgdOf } from './mode.js';
import type { TrainingSpec } from './spec.js';
import { weightsStep } from './weights-version.js';

/** The parameters and the optimizer: what a checkpoint holds. */
export interface Trainer {
  /** Number of updates done: `parameters()` are those before step `version()`. */
  version(): number;
  /** Steps among those done that an earlier one is still missing of, ascending; none but in asynchronous training. */
  ahead(): readonly number[];
  /** Shared memory, read-only for everybody else; valid until `delay` and three more updates are done. */
  parameters(): Float32Array;
  /** Those after `step` updates; null for any but the newest and the `delay` before them. */
  parametersAfter(step: number): Float32Array | null;
  /** The weights that are validated and become the model: the average of the parameters where the run keeps one. */
  evaluated(): Float32Array;
  /** Whether what is validated is other than what workers train with: the average, or parameters that are not rounded. */
  readonly averages: boolean;
  /** Remembers what is evaluated now as the best so far. */
  keepBest(): void;
  optimizerState(): OptimizerState;
  /** What a checkpoint holds beside parameters and optimizer state. */
  kept(): KeptWeights;
  learningRateOf(step: number): number;
  /**
   * gradientSum[parameterCount] over `samples` samples, overwritten with the averaged, clipped gradient. Of running statistics, which
   * stand behind what is learnt, neither the norm nor the optimizer knows. `step`: whose gradient it is, the next one if left out.
   */
  apply(gradientSum: Float32Array, samples: number, step?: number): { finite: boolean; gradientNorm: number };
  /**
   * Goes on from a checkpoint; all are copied.
   * @throws CheckpointError without the average that the run keeps, or earlier parameters that its next steps are computed on
   */
  restore(
    version: number,
    parameters: Float32Array,
    state: OptimizerState,
    kept: KeptWeights,
    ahead?: readonly number[],
  ): void;
}

/** Weights beside the parameters, f32[parameterCount] each; null where the run keeps none (yet). */
export interface KeptWeights {
  average: Float32Array | null;
  best: Float32Array | null;
  /** Earlier parameters that steps in flight are computed on, the latest first. */
  previous: readonly Float32Array[];
}

/**
 * Versions of the parameters kept beside those that a delay wants. Workers of this process read them by reference, and a version must not
 * change while one may compute with it. Whoever still computes with one that is overwritten works for a step that is closed, so
 * its result is not accepted.
 */
const versionsSpare = 4;

/** `kernels`: what the optimizer's step is computed with; they change no bit, only the time. */
export function createTrainer(
  spec: TrainingSpec,
  model: Model,
  totalSteps: number,
  kernels?: UpdateKernels,
): Trainer {
  const { parameterCount: count, learntCount } = model;
  const { optimizer, clipNorm, rateOf, learningRateOf } = updateRule(spec, totalSteps, kernels);
  const delay = spec.delay ?? 0;
  const stepsPerEpoch = totalSteps / spec.epochs;
  const versionsKept = versionsSpare + delay;
  const ring = Array.from(
    { length: versionsKept },
    () => new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT)),
  );
  const slot = (version: number): Float32Array => ring[version % versionsKept];
  let state = optimizer.init(learntCount);
  let version = 0;
  let ahead: readonly number[] = [];
  slot(0).set(initialParameters(model, spec.seed));
  const { averaging } = spec;
  const average = averaging === undefined ? null : slot(0).slice();
  let best: Float32Array | null = null;
  /** A copy of the average that nobody writes to: workers of this process read it by reference. */
  let published: { version: number; values: Float32Array } | null = null;
  const evaluated = (): Float32Array => {
    if (average === null) return slot(version);
    if (published?.version !== version) {
      const values = new Float32Array(new SharedArrayBuffer(average.byteLength));
      values.set(average);
      published = { version, values };
    }
    return published.values;
  };
  /** Versions before `newest` that a step in flight is computed on, the latest first. */
  const previousOf = (newest: number): number[] => {
    const length = newest - weightsStep(newest, stepsPerEpoch, delay);
    return Array.from({ length }, (_, i) => newest - 1 - i);
  };
  return {
    evaluated,
    averages: average !== null || spec.weightsDtype !== undefined,
    keepBest() {
      best = evaluated().slice();
    },
    kept: () => ({ average, best, previous: previousOf(version).map(slot) }),
    version: () => version,
    ahead: () => ahead,
    parameters: () => slot(version),
    parametersAfter: (step) => (step <= version && step >= Math.max(0, version - delay) ? slot(step) : null),
    optimizerState: () => state,
    learningRateOf,
    apply(gradientSum, samples, step = version) {
      scaleGradient(gradientSum, 1 / samples, kernels);
      const gradient = gradientSum.subarray(0, learntCount);
      const gradientNorm =
        clipNorm === null ? euclideanNorm(gradient, kernels) : clipGradientNorm(gradient, clipNorm, kernels);
      const next = slot(version + 1);
      next.set(slot(version));
      optimizer.update(next.subarray(0, learntCount), gradient, state, rateOf(version));
      if (localSgdOf(spec) === null) updateStatistics(model.statistics, next, gradientSum, samples);
      else averageStatistics(model.statistics, next, gradientSum);
      ahead = aheadAfter(version, ahead, step);
      version += 1;
      if (averaging !== undefined && average !== null)
        updateAverage(average, next, decayAt(averaging, version));
      return { finite: allFinite(next, kernels), gradientNorm };
    },
    restore(restored, parameters, optimizerState, kept, restoredAhead = []) {
      if (average !== null) {
        if (kept.average === null)
          throw new CheckpointError(
            'The checkpoint lacks the average of the parameters that this run keeps.',
          );
        average.set(kept.average);
      }
      const previous = previousOf(restored);
      if (kept.previous.length < previous.length)
        throw new CheckpointError(
          `The checkpoint lacks earlier parameters: a delay of ${delay} wants ${previous.length} of them, it has ${kept.previous.length}.`,
        );
      for (const [i, earlier] of previous.entries()) slot(earlier).set(kept.previous[i]);
      best = kept.best?.slice() ?? null;
      published = null;
      version = restored;
      ahead = restoredAhead;
      slot(version).set(parameters);
      state = copyState(optimizerState);
    },
  };
}

function copyState(state: OptimizerState): OptimizerState {
  const slots = Object.entries(state.slots).map(([name, values]) => [name, values.slice()] as const);
  return { updates: state.updates, scalars: { ...state.scalars }, slots: Object.fromEntries(slots) };
}

/** How a step changes the parameters. In local SGD it is the outer one, and schedule and clipping are the replicas'. */
function updateRule(
  spec: TrainingSpec,
  totalSteps: number,
  kernels: UpdateKernels | undefined,
): {
  optimizer: Optimizer;
  clipNorm: number | null;
  rateOf: Schedule;
  /** What is told of a step: in local SGD the rate that its replicas begin with. */
  learningRateOf: Schedule;
} {
  const { learningRate, clipNorm } = spec;
  const local = localSgdOf(spec);
  const schedule = createSchedule(spec.schedule, {
    learningRate,
    totalSteps: totalSteps * (local?.localSteps ?? 1),
  });
  if (local === null) {
    return {
      optimizer: createOptimizer(spec.optimizer, kernels),
      clipNorm,
      rateOf: schedule,
      learningRateOf: schedule,
    };
  }
  const { momentum, learningRate: outerRate } = local.outer;
  return {
    optimizer: createOptimizer({ type: 'sgd', momentum, nesterov: momentum > 0 }, kernels),
    clipNorm: null,
    rateOf: () => outerRate,
    learningRateOf: (step) => schedule(step * local.localSteps),
  };
}
