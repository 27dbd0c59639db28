import type { CoordinatorConfig } from './config.js';
import { defaultPatience, type RunPlan } from './decide/state.js';
import { stalenessBound } from './mode.js';
import type { PreparedRun } from './prepare.js';
import { leafSamples } from './spec.js';

/** What the decider is told of the run. */
export function planOf(config: CoordinatorConfig, run: PreparedRun): RunPlan {
  const { spec } = config;
  return {
    run: run.file.run,
    fence: run.fence,
    version: config.version,
    seed: spec.seed,
    numericsId: config.kernels.numericsId,
    microshards: spec.microshards,
    microshardSamples: leafSamples(spec),
    evaluationLeafSamples: run.curriculum.evaluationLeafSamples,
    parameterCount: run.model.parameterCount,
    classes: run.model.classes,
    trainSamples: run.curriculum.trainSamples,
    validationSamples: run.curriculum.validationSamples,
    epochs: spec.epochs,
    minWorkers: config.minWorkers,
    workerWaitMs: config.workerWaitMs,
    heartbeatMs: config.heartbeatMs,
    checkpointEveryMs: config.checkpointEveryMs,
    auditShare: config.auditShare ?? 0,
    averages: run.trainer.averages,
    gradientBlocks: spec.gradients?.blocks ?? null,
    delay: spec.delay ?? 0,
    staleness: stalenessBound(spec),
    reducers: run.ranges.length,
    workerCommand: config.workerCommand === undefined ? 'worker start --broker URL' : config.workerCommand,
    patience: config.patience ?? defaultPatience,
  };
}
