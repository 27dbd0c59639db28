import { access } from 'node:fs/promises';
import { summaryOfFinished } from './artifacts.js';
import type { Coordinator, CoordinatorConfig } from './config.js';
import { createCoordinatorMetrics } from './metrics.js';
import { startPerformer } from './performer.js';
import { prepareRun } from './prepare.js';
import { runPaths, writeFence } from './run-dir.js';

/**
 * Starts or resumes a run. Rejects before anything is published when the spec (TrainingSpecError), the folder
 * (RunFolderError, ResumeMismatchError, CheckpointError, OutputError) or the broker (BrokerError, RunTakenError) refuse.
 * A run that an earlier start has finished is not touched: `finished` resolves with its summary.
 */
export async function startCoordinator(config: CoordinatorConfig): Promise<Coordinator> {
  const run = await prepareRun(config);
  if (run.file.finished !== null && (await isThere(runPaths(config.outDir).model))) {
    const summary = summaryOfFinished(config, run.file.run, run.file.finished);
    config.log.info(`Run ${run.file.run} in ${config.outDir} is finished already; nothing is left to do.`);
    return { finished: Promise.resolve(summary), stop: async () => {} };
  }
  const link = await config.transport.openCoordinator({ run: run.file.run, fence: run.fence });
  try {
    // Only now: a coordinator that was not given the run must not fence off the one that has it.
    await writeFence(config.outDir, run.fence);
    return await startPerformer(config, run, link, createCoordinatorMetrics(config.metrics));
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** A finished run whose model was removed writes it again, from its last checkpoint. */
async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
