import { type FileOperations, realFiles } from '../store/index.js';
import { summaryOfFinished } from './artifacts.js';
import type { Coordinator, CoordinatorConfig, RunSummary } from './config.js';
import { type CoordinatorMetrics, createCoordinatorMetrics, type RunFacts } from './metrics.js';
import { stalenessBound } from './mode.js';
import { type PerformerParts, realParts, startPerformer } from './performer.js';
import { type PreparedRun, prepareRun } from './prepare.js';
import { runPaths, writeFence } from './run-dir.js';
import { fenceOff, openWhenFree } from './take-over.js';
import { createRunTrace, type RunTrace } from './trace.js';
import { openTraceFile } from './trace-file.js';

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
    return {
      finished: Promise.resolve(summary),
      illness: () => null,
      stop: async () => {},
      view: () => null,
    };
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
    const now = config.now ?? (() => performance.now());
    const metrics = createCoordinatorMetrics(config.metrics, factsOf(config, run), now);
    const trace = await openTrace(config, run, metrics, now);
    const staleness = stalenessBound(config.spec);
    if (staleness !== null)
      config.log.info(
        `Asynchronous training: gradients are applied as they come, up to ${staleness} updates late. Not bit-identical: depends on the order of arrival.`,
      );
    try {
      const coordinator = await startPerformer(config, run, link, metrics, trace, parts);
      return trace === null ? coordinator : closingAfter(coordinator, trace);
    } catch (error) {
      await trace?.close();
      throw error;
    }
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** The run is over when its trace is on disk, too. */
function closingAfter(coordinator: Coordinator, trace: RunTrace): Coordinator {
  const endBoth = async (): Promise<RunSummary> => {
    try {
      return await coordinator.finished;
    } finally {
      await trace.close();
    }
  };
  const finished = endBoth();
  // Whoever awaits it sees the error; nobody has to.
  finished.catch(() => undefined);
  return { ...coordinator, finished };
}

/** A trace that cannot be begun is an error at the start; one that breaks off later only ends. @throws OutputError */
async function openTrace(
  config: CoordinatorConfig,
  run: PreparedRun,
  metrics: CoordinatorMetrics,
  now: () => number,
): Promise<RunTrace | null> {
  const path = config.tracePath ?? null;
  if (path === null) return null;
  const file = await openTraceFile({
    path,
    onFailed: ({ message }) => config.log.warn(`The trace ends here, training goes on. ${message}`),
    onDropped: (events) => metrics.traceDropped.inc(events),
    ...(config.files === undefined ? {} : { files: config.files }),
    ...(config.timers === undefined ? {} : { timers: config.timers }),
  });
  return createRunTrace(file, run.file.run, now());
}

function factsOf(config: CoordinatorConfig, run: PreparedRun): RunFacts {
  const { spec, kernels } = config;
  return {
    run: run.file.run,
    fence: run.fence,
    version: config.version,
    model: run.model.spec.name,
    optimizer: spec.optimizer.type,
    transport: config.transport.name,
    data: config.pack.manifest.hash,
    kernels: kernels.name,
    numericsId: kernels.numericsId,
    totalSteps: run.curriculum.totalSteps,
    epochs: spec.epochs,
  };
}

/** A finished run whose model was removed writes it again, from its last checkpoint. */
async function isThere(path: string, files: FileOperations = realFiles): Promise<boolean> {
  return files.access(path).then(
    () => true,
    () => false,
  );
}
