import { z } from 'zod';
import { type Preprocessing, parsePreprocessing } from '../data/index.js';
import {
  type ModelSpec,
  type OptimizerSpec,
  parseModelSpec,
  parseOptimizerSpec,
  parseScheduleSpec,
  type ScheduleSpec,
} from '../engine/index.js';
import { TrainingSpecError } from './errors.js';

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
}

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
  return {
    ...spec,
    model: parseModelSpec(spec.model),
    preprocessing: parsePreprocessing(spec.preprocessing),
    optimizer: parseOptimizerSpec(spec.optimizer),
    schedule: parseScheduleSpec(spec.schedule),
  };
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
