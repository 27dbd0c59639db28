import { readFile, stat } from 'node:fs/promises';
import {
  type AsynchronousSgd,
  type GradientEncoding,
  type LocalSgd,
  parseTrainingSpec,
  type TrainingSpec,
} from '../coordinator/index.js';
import { channelsOf, defaultPreprocessing, type Preprocessing, parsePreprocessing } from '../data/index.js';
import { buildModel, type ModelSpec, namedSpecs, parseModelSpec } from '../engine/index.js';
import { provisionalSizes } from './autotune/autotune.js';
import type { WantedSizes } from './autotune/choose.js';
import { UsageError } from './errors.js';
import type { ValidateChoice } from './options/kinds.js';
import { didYouMean } from './options/nearest.js';

/** The options that fix the bits of a run, as the option tables give them. */
export interface SpecOptions {
  model: unknown;
  preprocessing: unknown;
  optimizer: unknown;
  schedule: unknown;
  lr: number;
  clip: number | null;
  epochs: number;
  batch: number | 'auto';
  microshards: number | 'auto';
  seed: number;
  validate: ValidateChoice;
  train: string[];
  augmentation: unknown;
  labelSmoothing: number;
  classWeights: 'balanced' | number[] | null;
  averaging: number | null;
  keep: 'last' | 'best';
  patience: number | null;
  mode: 'exact' | 'local-sgd' | 'async';
  staleness: number;
  localSteps: number;
  replicas: number | null;
  outerLr: number;
  outerMomentum: number;
  weightsDtype: 'f32' | 'bf16';
  gradients: 'f32' | 'fp16' | 'int8' | 'topk';
  gradientDensity: number;
  gradientBlocks: number | null;
  delay: number;
}

const digits = 10;

/**
 * Options → training spec, with every shape checked before any image is read. Sizes that are `auto` are stand-ins, which `settleSizes`
 * replaces.
 * @param workers that are waited for at the start
 * @throws UsageError, SpecError, TrainingSpecError, DataError
 */
export async function trainingSpecOf(o: SpecOptions, workers: number): Promise<TrainingSpec> {
  const model = await modelSpecOf(o.model);
  const { classes } = buildModel(model);
  if (classes !== digits) {
    throw new UsageError(
      `The model ${model.name} ends in ${classes} classes, but there are ${digits} digits: its last linear layer needs ${digits} units.`,
    );
  }
  const sizes = provisionalSizes(wantedSizes(o));
  const mode = modeOf(o, sizes.microshards);
  return parseTrainingSpec({
    model,
    preprocessing: preprocessingOf(o.preprocessing, model),
    optimizer: o.optimizer,
    schedule: o.schedule,
    learningRate: o.lr,
    clipNorm: o.clip,
    epochs: o.epochs,
    ...sizes,
    seed: o.seed,
    validate: o.validate,
    trainFolders: o.train,
    augmentation: o.augmentation,
    labelSmoothing: o.labelSmoothing,
    classWeights: o.classWeights,
    averaging: o.averaging === null ? null : { decay: o.averaging },
    keep: o.keep === 'best' ? 'best' : null,
    patience: o.patience,
    mode,
    weightsDtype: o.weightsDtype === 'f32' ? null : o.weightsDtype,
    gradients: gradientsOf(o, sizes.microshards, workers),
    delay: o.delay,
  });
}

/**
 * Batch and leaves of the tree, which in local SGD are the replicas.
 * @throws UsageError if a size is to be measured that another option depends on
 */
export function wantedSizes(o: SpecOptions): WantedSizes {
  const { batch, mode, gradients } = o;
  const microshards = mode === 'local-sgd' && o.replicas !== null ? o.replicas : o.microshards;
  const depends = mode === 'local-sgd' ? '--mode local-sgd' : gradients === 'f32' ? null : '--gradients';
  if (depends !== null && (batch === 'auto' || microshards === 'auto'))
    throw new UsageError(`${depends} needs --batch and --microshards as numbers: they cannot be auto.`);
  return { batch, microshards };
}

function modeOf(o: SpecOptions, replicas: number): LocalSgd | AsynchronousSgd | null {
  if (o.mode === 'exact') return null;
  if (o.mode === 'async') return { type: 'async', staleness: o.staleness, reproducible: false };
  const { localSteps, outerLr: learningRate, outerMomentum: momentum } = o;
  return { type: 'local-sgd', localSteps, replicas, outer: { learningRate, momentum } };
}

/** At least two blocks: of one, whoever joins later would have nothing to do. */
function gradientsOf(o: SpecOptions, microshards: number, workers: number): GradientEncoding | null {
  if (o.gradients === 'f32') return null;
  // With async each batch is one block.
  const wanted = o.mode === 'async' ? 1 : 2 ** Math.ceil(Math.log2(Math.max(2, workers)));
  const blocks = o.gradientBlocks ?? Math.min(wanted, microshards);
  return o.gradients === 'topk'
    ? { type: 'topk', density: o.gradientDensity, blocks, reproducible: false }
    : { type: o.gradients, blocks };
}

/** Of 256 layers at most, in a few lines each. */
const maxSpecBytes = 2 ** 20;

/** `--model`: a named spec, or that of a JSON file. @throws UsageError, SpecError */
export async function modelSpecOf(raw: unknown): Promise<ModelSpec> {
  if (typeof raw !== 'string') return parseModelSpec(raw);
  const named = namedSpecs.get(raw);
  if (named !== undefined) return named;
  if (!raw.endsWith('.json') && !raw.includes('/')) {
    const known = [...namedSpecs.keys()];
    throw new UsageError(
      `There is no model named "${raw}": choose one of ${known.join(', ')}, or a file ending in .json.${didYouMean(raw, known)}`,
    );
  }
  const source = await readSpec(raw).catch((error: unknown) => {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The model spec ${raw} cannot be read; check --model.`, { cause: error });
  });
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    throw new UsageError(`The model spec ${raw} is not valid JSON: ${why}.`, { cause: error });
  }
  return parseModelSpec(json);
}

async function readSpec(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > maxSpecBytes)
    throw new UsageError(
      `The model spec ${path} has ${size} bytes, at most ${maxSpecBytes} are read; check --model.`,
    );
  return readFile(path, 'utf8');
}

/** `--preprocessing` over the default, in the size of the model's input. @throws UsageError, DataError */
export function preprocessingOf(raw: unknown, model: ModelSpec): Preprocessing {
  const [channels, height, width] = model.input;
  if (raw !== null && (typeof raw !== 'object' || Array.isArray(raw))) {
    throw new UsageError('--preprocessing must be a JSON object, like \'{"crop":null}\'.');
  }
  const p = parsePreprocessing({ ...defaultPreprocessing, width, height, ...raw });
  if (p.width !== width || p.height !== height) {
    throw new UsageError(
      `--preprocessing makes images of ${p.height}×${p.width}, but the model ${model.name} takes ${height}×${width}: leave the size out.`,
    );
  }
  if (channelsOf(p) === 3 && channels !== 3) {
    throw new UsageError(
      `--preprocessing makes images of 3 channels, but the model ${model.name} takes ${channels}: use "color":"grey".`,
    );
  }
  return p;
}
