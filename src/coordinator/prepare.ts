import { channelsOf } from '../data/index.js';
import { buildModel, type Model } from '../engine/index.js';
import type { ParameterRange } from '../protocol/index.js';
import { canonicalJson, createVectorFile, type VectorFile } from '../store/index.js';
import { firstLeft } from './ahead.js';
import type { GradientForm } from './arrived-gradient.js';
import { type Checkpoint, type CheckpointMetadata, readNewestCheckpoint } from './checkpoint.js';
import type { CoordinatorConfig } from './config.js';
import { type Curriculum, createCurriculum } from './curriculum.js';
import { CheckpointError, ResumeMismatchError, TrainingSpecError } from './errors.js';
import { type Instructions, instructionsOf } from './instructions.js';
import { reducedRanges } from './reduced-sums.js';
import { openRunFolder, type RunFile, readFence, runPaths } from './run-dir.js';
import { checkAudits } from './spec.js';
import { createTrainer, type Trainer } from './trainer.js';

/** A run as the disk knows it, ready to be gone on with. */
export interface PreparedRun {
  file: RunFile;
  fence: number;
  model: Model;
  trainer: Trainer;
  curriculum: Curriculum;
  /** What workers are told of the training beside model and data. */
  instructions: Instructions;
  /** Of the parameters, summed by a reducer each; none where the coordinator sums. */
  ranges: readonly ParameterRange[];
  /** For gradients that wait for others and have no room in memory. */
  overflow: VectorFile;
  /** Null for a run that begins. */
  restored: CheckpointMetadata | null;
}

/** Checks that spec and data fit, opens the folder, and restores the newest checkpoint of a run that is resumed. */
export async function prepareRun(config: CoordinatorConfig): Promise<PreparedRun> {
  const { spec, pack, outDir, log, files } = config;
  checkAudits(spec, config.auditShare ?? 0);
  const model = buildModel(spec.model);
  checkInput(config, model);
  const ranges = reducedRanges(spec, model.parameterCount, config.reducers ?? 0);
  const curriculum = createCurriculum(spec, pack.manifest);
  const instructions = instructionsOf(spec, pack, curriculum, model);
  const identity = {
    spec: JSON.parse(canonicalJson(spec)) as unknown,
    dataHash: pack.manifest.hash,
    numericsId: config.kernels.numericsId,
  };
  const { file, isNew } = await openRunFolder(
    outDir,
    config.resume,
    identity,
    config.version,
    log,
    files,
    config.runName,
  );
  const trainer = createTrainer(spec, model, curriculum.totalSteps, config.kernels);
  const found = isNew ? null : await readNewestCheckpoint(runPaths(outDir).checkpoints, model, log, files);
  const restored = found?.checkpoint.metadata ?? null;
  if (found !== null) {
    checkBelongs(found.path, found.checkpoint, file, curriculum);
    const { parameters, optimizerState, kept } = found.checkpoint;
    const { step, ahead } = found.checkpoint.metadata;
    trainer.restore(step, parameters, optimizerState, kept, ahead);
    log.info(
      `Going on with run ${file.run} after step ${step} of ${curriculum.totalSteps}, from ${found.path}.`,
    );
    if (spec.gradients?.type === 'topk')
      log.warn(
        'What workers had computed and not sent yet (the residuals of topk) is forgotten: the model will have other bits than that of a run without a restart.',
      );
  } else if (!isNew) {
    log.info(`Run ${file.run} has no checkpoint yet: it starts from the beginning.`);
  }
  const fence = Math.max(await readFence(outDir, files), restored?.fence ?? 0) + 1;
  const overflow = createVectorFile(outDir, model.parameterCount, ({ message }) =>
    log.warn(`Gradients that wait for others stay in memory from now on. ${message}`),
  );
  return { file, fence, model, trainer, curriculum, instructions, ranges, overflow, restored };
}

/** How gradients come, as its workers were told. */
export function gradientFormOf({
  model,
  instructions,
}: Pick<PreparedRun, 'model' | 'instructions'>): GradientForm {
  const { gradientEncoding: encoding, gradientsKept: kept } = instructions;
  const { parameterCount: count, learntCount: learnt } = model;
  return encoding === 'topk' ? { encoding, count, learnt, kept } : { encoding, count };
}

/** The model must take what the pack holds. */
function checkInput(config: CoordinatorConfig, model: Model): void {
  const { preprocessing } = config.pack.manifest;
  const channels = channelsOf(preprocessing);
  const { input } = model;
  const fits =
    input.height === preprocessing.height &&
    input.width === preprocessing.width &&
    (channels === 1 || channels === input.channels);
  if (fits) return;
  throw new TrainingSpecError(
    `The model takes images of ${input.channels}×${input.height}×${input.width}, but the data is prepared as ${channels}×${preprocessing.height}×${preprocessing.width}: change the model's input or the preprocessing.`,
  );
}

/** A checkpoint names its run, so that one copied from elsewhere does no harm. */
function checkBelongs(path: string, checkpoint: Checkpoint, file: RunFile, curriculum: Curriculum): void {
  const { metadata } = checkpoint;
  if (metadata.run !== file.run) {
    throw new ResumeMismatchError(
      `${path} belongs to run ${metadata.run}, but the folder holds run ${file.run}: remove it.`,
    );
  }
  const differs = [
    metadata.spec === canonicalJson(file.spec) ? [] : ['the spec'],
    metadata.dataHash === file.dataHash ? [] : ['the data'],
    metadata.numericsId === file.numericsId ? [] : ['the numerics'],
  ].flat();
  if (differs.length > 0) {
    throw new ResumeMismatchError(
      `${path} was written with other settings than run.json says: ${differs.join(', ')}.`,
    );
  }
  const { step, ahead, recordedEpochs, history } = metadata;
  const { stepsPerEpoch, totalSteps } = curriculum;
  const wholeEpochs = Math.floor(step / stepsPerEpoch);
  const first = firstLeft({ step, ahead });
  const isLater = (one: number, i: number): boolean => one > (ahead[i - 1] ?? first);
  const isOfEpoch =
    first >= wholeEpochs * stepsPerEpoch && (ahead.at(-1) ?? 0) < (wholeEpochs + 1) * stepsPerEpoch;
  const fits = recordedEpochs <= wholeEpochs && step <= totalSteps && isOfEpoch && ahead.every(isLater);
  if (history.length !== recordedEpochs || !fits) {
    throw new CheckpointError(`${path} contradicts itself: ${recordedEpochs} epochs after ${step} steps.`);
  }
}
