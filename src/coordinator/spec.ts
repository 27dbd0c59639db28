import { z } from 'zod';
import {
  type Augmentation,
  type Preprocessing,
  parseAugmentation,
  parsePreprocessing,
} from '../data/index.js';
import {
  type LocalTrainingSpec,
  type ModelSpec,
  type OptimizerSpec,
  parseModelSpec,
  parseOptimizerSpec,
  parseScheduleSpec,
  type ScheduleSpec,
} from '../engine/index.js';
import { TrainingSpecError } from './errors.js';
import { type AsynchronousSgd, type LocalSgd, localSgdOf, modeShape } from './mode.js';

/** The part of a run's configuration that, with the data, fixes every bit of its result. */
export interface TrainingSpec {
  model: ModelSpec;
  preprocessing: Preprocessing;
  optimizer: OptimizerSpec;
  schedule: ScheduleSpec;
  learningRate: number;
  /** Largest L2 norm of the averaged gradient; null leaves it as it is. */
  clipNorm: number | null;
  epochs: number;
  /** Samples per step: microshards × a multiple of 16. */
  batch: number;
  /** Leaves of the summation tree, a power of two: at least the largest number of worker threads wanted. */
  microshards: number;
  seed: number;
  validate: { fraction: number } | { folder: string } | null;
  trainFolders: string[];
  /** What is done to training images; absent: nothing. Of all that follows, too, what is off is absent. */
  augmentation?: Augmentation | undefined;
  /** ε of the loss that is trained with, above 0. */
  labelSmoothing?: number | undefined;
  /** How much a sample of each class counts, or `balanced`: so that every class counts the same. */
  classWeights?: 'balanced' | number[] | undefined;
  /** Validate, and write, an exponential moving average of the parameters instead of the last ones. */
  averaging?: { decay: number } | undefined;
  /** The model is that of the epoch with the best validation, and not of the last. */
  keep?: 'best' | undefined;
  /** End after so many epochs without a better validation. */
  patience?: number | undefined;
  /** Another algorithm than one update per batch, each on the parameters that the one before it made. */
  mode?: LocalSgd | AsynchronousSgd | undefined;
  /** What parameters are rounded to before they are sent; the coordinator's own, and the model, stay f32. */
  weightsDtype?: 'bf16' | undefined;
  /** What gradients are rounded to, or thinned out to, before they are sent. */
  gradients?: GradientEncoding | undefined;
  /** Steps that a gradient is late by, within its epoch: step t is computed on the weights that t − delay began with. */
  delay?: number | undefined;
}

export type GradientEncoding = (
  | { type: 'fp16' | 'int8' }
  /**
   * The largest values alone are sent, a share `density` of those that are learnt, and what is not sent is remembered by who has computed
   * it. So the bits of the run depend on who computes what, which the spec, and thus the model file, says too.
   */
  | { type: 'topk'; density: number; reproducible: false }
) & {
  /**
   * A power of two: the blocks that a full step is always cut into, since each block's sum is rounded by itself. Further workers get
   * nothing to do; fewer take several blocks.
   */
  blocks: number;
};

/** Samples of a full leaf of the tree: what one replica takes in a step, or one microshard. */
export const leafSamples = (spec: TrainingSpec): number => stepSamples(spec) / spec.microshards;

/** Samples of a full step: one batch, or those of H batches. */
export const stepSamples = (spec: TrainingSpec): number => spec.batch * (localSgdOf(spec)?.localSteps ?? 1);

/** A validation is cut into about so many passes, so that workers of different speed can share it well. */
const wantedPasses = 4;
/** An image takes a third of the time that it takes in training: no block of a validation lasts much longer than some of training. */
const mostBatchesPerPass = 8;

/**
 * Samples of a full leaf in a validation of so many samples: those of several steps where it is long, since its blocks would else take less time to
 * compute than to send. A function of spec and data alone, as the order of its sums is.
 */
export function evaluationLeafSamples(spec: TrainingSpec, validationSamples: number): number {
  const perStep = stepSamples(spec);
  const wanted = Math.ceil(validationSamples / (wantedPasses * perStep));
  const most = Math.min(mostBatchesPerPass, Math.floor(mostStepSamples / perStep));
  return leafSamples(spec) * Math.max(1, Math.min(wanted, most));
}

/** What the replicas of a run of `totalSteps` steps train with; null where there are none. */
export function localTrainingOf(spec: TrainingSpec, totalSteps: number): LocalTrainingSpec | null {
  const { optimizer, schedule, learningRate, clipNorm } = spec;
  const local = localSgdOf(spec);
  if (local === null) return null;
  const steps = local.localSteps;
  return { steps, optimizer, schedule, learningRate, totalSteps: totalSteps * steps, clipNorm };
}

/** Samples that one step may have, so that a task can name those of a whole step. */
const mostStepSamples = 1 << 20;

/** Every further step in flight costs a set of weights in each worker, and accuracy. */
const longestDelay = 2;

/** Samples that the kernels take side by side: a microshard is a multiple of this. */
const lanes = 16;

const powerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

const shape = z.strictObject({
  model: z.unknown(),
  preprocessing: z.unknown(),
  optimizer: z.unknown(),
  schedule: z.unknown(),
  learningRate: z.number().positive(),
  clipNorm: z.number().positive().nullable().default(null),
  epochs: z.int().positive(),
  batch: z.int().positive(),
  microshards: z.int().positive(),
  seed: z.int().min(0).max(0xffff_ffff),
  validate: z
    .union([
      z.strictObject({ fraction: z.number().gt(0).lt(1) }),
      z.strictObject({ folder: z.string().min(1) }),
    ])
    .nullable()
    .default(null),
  trainFolders: z.array(z.string().min(1)).min(1),
  augmentation: z.unknown().optional(),
  labelSmoothing: z.number().min(0).lt(1).nullish(),
  classWeights: z.union([z.literal('balanced'), z.array(z.number().positive().max(1e6))]).nullish(),
  averaging: z.strictObject({ decay: z.number().gt(0).lt(1) }).nullish(),
  keep: z.literal('best').nullish(),
  patience: z.int().positive().nullish(),
  mode: modeShape.nullish(),
  weightsDtype: z.literal('bf16').nullish(),
  gradients: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.enum(['fp16', 'int8']), blocks: z.int().positive() }),
      z.strictObject({
        type: z.literal('topk'),
        density: z.number().positive().max(1),
        reproducible: z.literal(false),
        blocks: z.int().positive(),
      }),
    ])
    .nullish(),
  delay: z.int().min(0).max(longestDelay).nullish(),
});

/**
 * Checks a training spec from JSON, flags or a file, part by part.
 * Throws TrainingSpecError, or the error of the part at fault (SpecError for the model, and so on).
 */
export function parseTrainingSpec(json: unknown): TrainingSpec {
  const parsed = shape.safeParse(json);
  if (!parsed.success) throw new TrainingSpecError(describeIssues(parsed.error));
  const spec = parsed.data;
  checkBatch(spec.batch, spec.microshards);
  const { augmentation, labelSmoothing, classWeights, averaging, keep, patience, ...others } = spec;
  const { mode, weightsDtype, gradients, delay, ...rest } = others;
  checkChoosing(spec);
  checkMode(spec);
  checkGradients(spec);
  return {
    ...rest,
    model: parseModelSpec(spec.model),
    preprocessing: parsePreprocessing(spec.preprocessing),
    optimizer: parseOptimizerSpec(spec.optimizer),
    schedule: parseScheduleSpec(spec.schedule),
    ...present({
      augmentation: parseAugmentation(augmentation ?? null),
      labelSmoothing: labelSmoothing === 0 ? null : labelSmoothing,
      classWeights,
      averaging,
      keep,
      patience,
      mode,
      weightsDtype,
      gradients,
      delay: delay === 0 ? null : delay,
    }),
  };
}

function checkMode({ mode, microshards, batch, delay, gradients }: z.infer<typeof shape>): void {
  if (mode === null || mode === undefined) return;
  if (mode.type === 'async') {
    if ((delay ?? 0) > 0)
      throw new TrainingSpecError(
        'Asynchronous gradients are late by what it comes to, up to the staleness: take that mode or a delay, not both.',
      );
    if (gradients?.type === 'topk')
      throw new TrainingSpecError(
        'Asynchronous gradients are sent whole or rounded: with async take fp16 or int8 in the place of topk, or none.',
      );
    if ((gradients?.blocks ?? 1) === 1) return;
    throw new TrainingSpecError(
      `In asynchronous training a batch is one block, so its rounded gradients have 1 block, but the spec has ${gradients?.blocks}: leave the blocks out.`,
    );
  }
  const { replicas, localSteps } = mode;
  if ((delay ?? 0) > 0)
    throw new TrainingSpecError(
      'Local SGD has no steps that could be late: take a mode or a delay, not both.',
    );
  if (replicas !== microshards) {
    throw new TrainingSpecError(
      `In local SGD each leaf of the tree is a replica, but the spec has ${replicas} replicas and ${microshards} microshards: give both the same number.`,
    );
  }
  if (batch * localSteps <= mostStepSamples) return;
  throw new TrainingSpecError(
    `A step has at most ${mostStepSamples} samples, but ${localSteps} local steps of ${batch} are ${batch * localSteps}: take at most ${Math.floor(mostStepSamples / batch)} local steps.`,
  );
}

function checkGradients({ gradients, microshards }: z.infer<typeof shape>): void {
  if (gradients === null || gradients === undefined) return;
  const { type, blocks } = gradients;
  if (powerOfTwo(blocks) && blocks <= microshards) return;
  throw new TrainingSpecError(
    `Gradients in ${type} need a fixed number of blocks, a power of two up to the ${microshards} microshards, but it is ${blocks}.`,
  );
}

/** Whether the bits of the result follow from spec and data alone, and not from the cluster too: no part of the spec says otherwise of itself. */
export function isReproducible({ mode, gradients }: Pick<TrainingSpec, 'mode' | 'gradients'>): boolean {
  return [mode, gradients].every((part) => part === undefined || !('reproducible' in part));
}

/**
 * An audit has a block computed by two workers and compares their bits.
 * @throws TrainingSpecError if two workers have no bits in common that say whether they compute rightly
 */
export function checkAudits({ mode, gradients }: TrainingSpec, auditShare: number): void {
  if (auditShare === 0) return;
  if (mode?.type === 'async')
    throw new TrainingSpecError(
      'Asynchronous training cannot be audited: two workers compute a batch on different weights, so their results differ anyway. Leave out --audit, or train in another mode.',
    );
  if (gradients?.type !== 'topk') return;
  throw new TrainingSpecError(
    'Gradients of topk cannot be audited: two workers rightly send different ones for the same block, since each adds what it has not sent before. Leave out --audit, or take --gradients int8.',
  );
}

function checkChoosing({ validate, keep, patience }: z.infer<typeof shape>): void {
  if (validate !== null) return;
  const wants = [
    keep === 'best' ? ['the best epoch'] : [],
    (patience ?? null) === null ? [] : ['patience'],
  ].flat();
  if (wants.length === 0) return;
  throw new TrainingSpecError(
    `Without a validation there is nothing to choose by, but the spec asks for ${wants.join(' and ')}: set aside a share of the training samples, or a folder.`,
  );
}

/** Without what is off: the spec of a run, and so its model file, is the same as before there was such a thing. */
function present<T extends Record<string, unknown>>(
  parts: T,
): { [K in keyof T]?: Exclude<T[K], null | undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], null | undefined> } = {};
  return Object.assign(
    kept,
    Object.fromEntries(Object.entries(parts).filter(([, v]) => v !== null && v !== undefined)),
  );
}

function describeIssues(error: z.ZodError): string {
  const [first] = error.issues;
  if (first === undefined) return 'The training spec is not valid.';
  const path = first.path.join('.');
  return path === ''
    ? `The training spec is not valid: ${first.message}.`
    : `The training spec's "${path}" is not valid: ${first.message}.`;
}

function checkBatch(batch: number, microshards: number): void {
  if (!powerOfTwo(microshards)) {
    const below = 2 ** Math.floor(Math.log2(microshards));
    throw new TrainingSpecError(
      `The number of microshards must be a power of two, but it is ${microshards}: take ${below} or ${below * 2}.`,
    );
  }
  const unit = microshards * lanes;
  if (batch % unit === 0) return;
  const below = Math.floor(batch / unit) * unit;
  const nearest = below === 0 ? `${unit}` : `${below} or ${below + unit}`;
  throw new TrainingSpecError(
    `The batch must be ${microshards} microshards times a multiple of ${lanes} samples, but it is ${batch}: ` +
      `take ${nearest}, or change the number of microshards.`,
  );
}
