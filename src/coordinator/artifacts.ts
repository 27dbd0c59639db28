import { createHash } from 'node:crypto';
import { renderCurves } from '../charts/index.js';
import { canonicalJson, encodeModelFile, writeAtomically } from '../store/index.js';
import { fitOnValidation } from './confidence.js';
import type { CoordinatorConfig, RunSummary } from './config.js';
import { bestEpoch, type HistoryRow } from './history.js';
import { stalenessBound } from './mode.js';
import type { PreparedRun } from './prepare.js';
import { type FinishedRun, runPaths, writeRunFile } from './run-dir.js';
import { isReproducible } from './spec.js';

/**
 * Writes model.safetensors; returns its SHA-256. Its bytes follow from spec, data and numerics alone: nothing in them tells
 * one run from an equal one. The model of a run that was stopped says nothing of how sure it is to be taken for: who stops a run
 * does not want to wait.
 */
export async function writeModel(
  config: CoordinatorConfig,
  run: PreparedRun,
  rows: readonly HistoryRow[],
  outcome: RunSummary['outcome'],
): Promise<string> {
  const { pack, spec, kernels, log } = config;
  const best = spec.keep === 'best' ? bestEpoch(rows) : null;
  const parameters = (best === null ? null : run.trainer.kept().best) ?? run.trainer.evaluated();
  const temperature = outcome === 'finished' ? await fitOnValidation(config, run, parameters) : undefined;
  if (temperature !== undefined) {
    const { value, samples } = temperature;
    log.info(`Confidences are taken at temperature ${value}, fitted on ${samples} validation samples.`);
  }
  const bytes = encodeModelFile({
    spec: run.model.spec,
    preprocessing: pack.manifest.preprocessing,
    classes: Array.from({ length: run.model.classes }, (_, digit) => String(digit)),
    provenance: {
      training_spec: canonicalJson(spec),
      data_hash: pack.manifest.hash,
      numerics_id: kernels.numericsId,
      onko_version: config.version,
      steps: String(best?.step ?? run.trainer.version()),
      ...(best === null ? {} : { epoch: String(best.epoch) }),
    },
    parameters,
    temperature,
  });
  await writeAtomically(runPaths(config.outDir).model, bytes, config.files);
  return createHash('sha256').update(bytes).digest('hex');
}

/** curves.png and curves.svg; a picture that fails must not cost a trained model, so it only warns. */
export async function writeCurves(config: CoordinatorConfig, rows: readonly HistoryRow[]): Promise<void> {
  if (rows.length === 0) return;
  const path = runPaths(config.outDir).curves;
  try {
    const { png, svg } = await renderCurves(rows);
    await writeAtomically(path, png, config.files);
    await writeAtomically(path.replace(/\.png$/, '.svg'), svg, config.files);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    config.log.warn(`The learning curves ${path} could not be written: ${reason}`);
  }
}

export async function writeFinished(
  config: CoordinatorConfig,
  run: PreparedRun,
  summary: RunSummary,
): Promise<void> {
  const { modelSha256, steps, epochs, trainLoss, validationAccuracy, imagesPerSecond, seconds } = summary;
  const figures = { modelSha256, steps, epochs, trainLoss, validationAccuracy, imagesPerSecond, seconds };
  const finished = summary.modelEpoch === null ? figures : { ...figures, modelEpoch: summary.modelEpoch };
  await writeRunFile(config.outDir, { ...run.file, finished }, config.files);
}

/** The summary of a run that was finished by an earlier start. */
export function summaryOfFinished(config: CoordinatorConfig, run: string, finished: FinishedRun): RunSummary {
  return {
    ...finished,
    outcome: 'finished',
    run,
    best: null,
    account: null,
    modelPath: runPaths(config.outDir).model,
    trainLoss: finished.trainLoss ?? Number.NaN,
    modelEpoch: finished.modelEpoch ?? null,
    delay: config.spec.delay ?? 0,
    staleness: stalenessBound(config.spec),
    reproducible: isReproducible(config.spec),
  };
}
