import { channelsOf } from '../data/index.js';
import { buildModel, type Model } from '../engine/index.js';
import type { ParameterRange } from '../protocol/index.js';
import { canonicalJson } from '../store/index.js';
import { type Checkpoint, type CheckpointMetadata, readNewestCheckpoint } from './checkpoint.js';
import type { CoordinatorConfig } from './config.js';
import { type Curriculum, createCurriculum } from './curriculum.js';
import { CheckpointError, ResumeMismatchError, TrainingSpecError } from './errors.js';
import { type Instructions, instructionsOf } from './instructions.js';
import { reducedRanges } from './reduced-sums.js';
import { openRunFolder, type RunFile, readFence, runPaths } from './run-dir.js';
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
  /** Null for a run that begins. */
  restored: CheckpointMetadata | null;
}

/** Checks that spec and data fit, opens the folder, and restores the newest checkpoint of a run that is resumed. */
export async function prepareRun(config: CoordinatorConfig): Promise<PreparedRun> {
  const { spec, pack, outDir, log, files } = config;
  const model = buildModel(spec.model);
  checkInput(config, model);
  const ranges = reducedRanges(spec, model.parameterCount, config.reducers ?? 0);
  const curriculum = createCurriculum(spec, pack.manifest);
  const instructions = instructionsOf(spec, pack, curriculum, model.classes);
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
    const { step } = found.checkpoint.metadata;
    trainer.restore(step, parameters, optimizerState, kept);
    log.info(
      `Going on with run ${file.run} after step ${step} of ${curriculum.totalSteps}, from ${found.path}.`,
    );
  } else if (!isNew) {
    log.info(`Run ${file.run} has no checkpoint yet: it starts from the beginning.`);
  }
  const fence = Math.max(await readFence(outDir, files), restored?.fence ?? 0) + 1;
  return { file, fence, model, trainer, curriculum, instructions, ranges, restored };
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
  const { step, recordedEpochs, history } = metadata;
  const wholeEpochs = Math.floor(step / curriculum.stepsPerEpoch);
  if (history.length !== recordedEpochs || recordedEpochs > wholeEpochs || step > curriculum.totalSteps) {
    throw new CheckpointError(`${path} contradicts itself: ${recordedEpochs} epochs after ${step} steps.`);
  }
}
