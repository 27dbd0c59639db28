import { z } from 'zod';
import { assertNever } from './assert-never.js';
import { parseChoice } from './choice.js';
import { type UpdateKernels, updates } from './kernels/reference/update.js';
import { integerPower } from './math.js';

/** How a gradient becomes a change of the parameters. Absent keys take PyTorch's defaults. */
export type OptimizerSpec =
  | {
      type: 'sgd';
      /** Default 0. */
      momentum?: number | undefined;
      /** Default false; needs momentum. */
      nesterov?: boolean | undefined;
      /** Default 0; added to the gradient (an L2 penalty). */
      weightDecay?: number | undefined;
    }
  | {
      type: 'adam' | 'adamw';
      /** Default 0.9. */
      beta1?: number | undefined;
      /** Default 0.999. */
      beta2?: number | undefined;
      /** Default 1e-8. */
      epsilon?: number | undefined;
      /** `adam`: default 0, added to the gradient; `adamw`: default 0.01, shrinks the parameters themselves. */
      weightDecay?: number | undefined;
    };

/** All that an optimizer remembers between steps; a checkpoint holds it whole. */
export interface OptimizerState {
  /** Steps taken. */
  updates: number;
  scalars: Record<string, number>;
  /** One flat vector per name, each as long as the parameters. */
  slots: Record<string, Float32Array>;
}

export interface Optimizer {
  /** With every default filled in. */
  spec: OptimizerSpec;
  /** The state before the first step. */
  init(parameterCount: number): OptimizerState;
  /**
   * One step: writes into `parameters` and `state`, reads `gradient` (of the MEAN loss; the caller has scaled it).
   * Each value is computed in double and rounded once when it is stored.
   *
   * @throws RangeError if the vectors differ in length or the state is another optimizer's
   */
  update(parameters: Float32Array, gradient: Float32Array, state: OptimizerState, learningRate: number): void;
}

const fraction = z.number().min(0).lt(1);
const decay = z.number().min(0).max(1);
const adamShape = {
  beta1: fraction.optional(),
  beta2: fraction.optional(),
  epsilon: z.number().positive().max(1).optional(),
  weightDecay: decay.optional(),
};

const schemas = {
  sgd: z
    .strictObject({
      type: z.literal('sgd'),
      momentum: fraction.optional(),
      nesterov: z.boolean().optional(),
      weightDecay: decay.optional(),
    })
    .refine((spec) => spec.nesterov !== true || (spec.momentum ?? 0) > 0, {
      path: ['nesterov'],
      error: 'Nesterov looks ahead along the momentum, so it needs a momentum above 0',
    }),
  adam: z.strictObject({ type: z.literal('adam'), ...adamShape }),
  adamw: z.strictObject({ type: z.literal('adamw'), ...adamShape }),
} satisfies Record<OptimizerSpec['type'], z.ZodType<OptimizerSpec>>;

/**
 * Reads `{ "type": "adamw", … }` or just `"adamw"`, and fills in every default, so that a run's spec says what it ran with.
 *
 * @throws SpecError naming the key, what was expected and what was found
 */
export function parseOptimizerSpec(json: unknown): OptimizerSpec {
  return withDefaults(parseChoice<OptimizerSpec>('optimizer', schemas, json));
}

function withDefaults(spec: OptimizerSpec): OptimizerSpec {
  switch (spec.type) {
    case 'sgd':
      return {
        type: 'sgd',
        momentum: spec.momentum ?? 0,
        nesterov: spec.nesterov ?? false,
        weightDecay: spec.weightDecay ?? 0,
      };
    case 'adam':
    case 'adamw':
      return {
        type: spec.type,
        beta1: spec.beta1 ?? 0.9,
        beta2: spec.beta2 ?? 0.999,
        epsilon: spec.epsilon ?? 1e-8,
        weightDecay: spec.weightDecay ?? (spec.type === 'adamw' ? 0.01 : 0),
      };
    default:
      return assertNever(spec);
  }
}

/**
 * @param kernels to compute with: they change no bit, only the time
 * @throws SpecError if the spec is not valid
 */
export function createOptimizer(spec: OptimizerSpec, kernels: UpdateKernels = updates): Optimizer {
  const full = withDefaults(parseChoice<OptimizerSpec>('optimizer', schemas, spec));
  return full.type === 'sgd' ? createSgd(full, kernels) : createAdam(full, kernels);
}

const none = new Float32Array(0);

/**
 * Stochastic gradient descent as PyTorch's `torch.optim.SGD`:
 * g ← g + λp; v ← μv + g; p ← p − η(g + μv) with Nesterov, p ← p − ηv without.
 */
function createSgd(spec: Extract<OptimizerSpec, { type: 'sgd' }>, kernels: UpdateKernels): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = spec;
  const slotNames = momentum === 0 ? [] : ['velocity'];
  return {
    spec,
    init: (parameterCount) => emptyState(slotNames, parameterCount),
    update(parameters, gradient, state, learningRate) {
      const [velocity] = expectState(slotNames, parameters, gradient, state);
      state.updates++;
      const rule = Float64Array.of(learningRate, momentum, weightDecay, nesterov ? 1 : 0);
      kernels.sgdUpdate(parameters, gradient, velocity ?? none, rule);
    },
  };
}

/**
 * Adam (Kingma, Ba, 2015) and AdamW (Loshchilov, Hutter, 2019) as `torch.optim.Adam` and `AdamW` have them:
 * m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε),
 * where Adam adds λp to g before, and AdamW takes ηλp off p before.
 */
function createAdam(
  spec: Extract<OptimizerSpec, { type: 'adam' | 'adamw' }>,
  kernels: UpdateKernels,
): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = spec;
  const slotNames = ['firstMoment', 'secondMoment'];
  const penalty = spec.type === 'adam' ? weightDecay : 0;
  return {
    spec,
    init: (parameterCount) => emptyState(slotNames, parameterCount),
    update(parameters, gradient, state, learningRate) {
      const [first, second] = expectState(slotNames, parameters, gradient, state);
      state.updates++;
      const stepSize = learningRate / (1 - integerPower(beta1, state.updates));
      const rootCorrection = Math.sqrt(1 - integerPower(beta2, state.updates));
      const keep = spec.type === 'adamw' ? 1 - learningRate * weightDecay : 1;
      const rule = Float64Array.of(stepSize, rootCorrection, keep, penalty, beta1, beta2, epsilon);
      kernels.adamUpdate(parameters, gradient, first, second, rule);
    },
  };
}

function emptyState(slotNames: string[], parameterCount: number): OptimizerState {
  const slots = Object.fromEntries(slotNames.map((name) => [name, new Float32Array(parameterCount)]));
  return { updates: 0, scalars: {}, slots };
}

/** The slots in the order of their names. */
function expectState(
  slotNames: string[],
  parameters: Float32Array,
  gradient: Float32Array,
  state: OptimizerState,
): Float32Array[] {
  if (gradient.length !== parameters.length) {
    throw new RangeError(
      `Expected a gradient of ${parameters.length} values, as many as parameters; found ${gradient.length}.`,
    );
  }
  return slotNames.map((name) => {
    const slot = state.slots[name];
    if (slot?.length !== parameters.length) {
      const found = slot === undefined ? 'none' : `${slot.length} values`;
      throw new RangeError(
        `Expected optimizer state "${name}" of ${parameters.length} values, found ${found}.`,
      );
    }
    return slot;
  });
}
