import { type FileOperations, realFiles } from '../store/index.js';
import { summaryOfFinished } from './artifacts.js';
import type { Coordinator, CoordinatorConfig } from './config.js';
import { createCoordinatorMetrics } from './metrics.js';
import { type PerformerParts, realParts, startPerformer } from './performer.js';
import { prepareRun } from './prepare.js';
import { runPaths, writeFence } from './run-dir.js';
import { fenceOff, openWhenFree } from './take-over.js';

/**
 * Starts or resumes a run. Rejects before anything is published when the spec (TrainingSpecError), the folder
 * (RunFolderError, ResumeMismatchError, CheckpointError, OutputError) or the broker (BrokerError, RunTakenError) refuse.
 * A run that an earlier start has finished is not touched: `finished` resolves with its summary.
 */
export async function startCoordinator(
  config: CoordinatorConfig,
  parts: PerformerParts = realParts,
): Promise<Coordinator> {
  if (config.takeOver === true) await fenceOff(config);
  let run = await prepareRun(config);
  if (run.file.finished !== null && (await isThere(runPaths(config.outDir).model, config.files))) {
    const summary = summaryOfFinished(config, run.file.run, run.file.finished);
    config.log.info(`Run ${run.file.run} in ${config.outDir} is finished already; nothing is left to do.`);
    return { finished: Promise.resolve(summary), illness: () => null, stop: async () => {} };
  }
  const open = { run: run.file.run, fence: run.fence };
  const link = await (config.takeOver === true
    ? openWhenFree(config, open)
    : config.transport.openCoordinator(open));
  try {
    // What the other one was writing when it was told may be on disk by now.
    if (config.takeOver === true) run = await prepareRun(config);
    // Only now: a coordinator that was not given the run must not fence off the one that has it.
    await writeFence(config.outDir, run.fence, config.files);
    return await startPerformer(config, run, link, createCoordinatorMetrics(config.metrics), parts);
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** A finished run whose model was removed writes it again, from its last checkpoint. */
async function isThere(path: string, files: FileOperations = realFiles): Promise<boolean> {
  return files.access(path).then(
    () => true,
    () => false,
  );
}
