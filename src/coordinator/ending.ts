import { OutputError } from '../store/index.js';
import { BrokerError, type CoordinatorLink, realTimers, within } from '../transport/index.js';
import type { RunAccount } from './account.js';
import { type writeCurves, writeFinished, writeModel } from './artifacts.js';
import type { Chronicle } from './chronicle.js';
import type { CoordinatorConfig, RunSummary } from './config.js';
import type { Disk } from './disk.js';
import { RunStoppedError, TakenOverError } from './errors.js';
import { bestEpoch, type HistoryRow } from './history.js';
import { stalenessBound } from './mode.js';
import type { PreparedRun } from './prepare.js';
import { runPaths } from './run-dir.js';
import { isReproducible } from './spec.js';

/** The three ways a run ends; only the first call counts. */
export interface Ending {
  summary: Promise<RunSummary>;
  /** Every epoch is done and on disk: model, curves, farewell; nothing is left on the broker. */
  finished(): void;
  /** Stopped at a whole step that is on disk: the same, but the run can be resumed. */
  stopped(): void;
  failed(error: unknown): void;
}

/** A broker that does not answer must not keep a process that wants to end. */
const farewellMs = 5_000;

export function createEnding(o: {
  config: CoordinatorConfig;
  run: PreparedRun;
  link: CoordinatorLink;
  chronicle: Chronicle;
  disk: Disk;
  draw: typeof writeCurves;
  account: () => Promise<RunAccount>;
  onClose: () => void;
}): Ending {
  const { config, run, link, chronicle, disk } = o;
  let resolve!: (summary: RunSummary) => void;
  let reject!: (error: unknown) => void;
  const settled = new Promise<RunSummary>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  let isEnding = false;

  const bounded = (work: Promise<void>): Promise<void> =>
    within(config.timers ?? realTimers, farewellMs, work, noAnswer);

  const farewell = async (outcome: RunSummary['outcome'] | 'failed', reason: string): Promise<void> => {
    const { run: runId } = run.file;
    const say = async (): Promise<void> => {
      await link.broadcast({ type: 'end_of_run', run: runId, fence: run.fence, outcome, reason });
      await (outcome === 'finished' ? link.deleteRun() : link.purgeTasks());
    };
    await bounded(say()).catch((error: unknown) =>
      config.log.warn(`The workers could not be told that the run is over: ${String(error)}`),
    );
    await bounded(link.close()).catch((error: unknown) => config.log.debug(String(error)));
  };

  const summarise = (
    outcome: RunSummary['outcome'],
    modelSha256: string,
    account: RunAccount,
  ): RunSummary => {
    const rows = chronicle.rows();
    const last = rows.at(-1);
    const sums = chronicle.epochSums();
    const seconds = chronicle.seconds();
    const images = rows.length * run.curriculum.trainSamples + sums.samples;
    return {
      outcome,
      run: run.file.run,
      modelPath: runPaths(config.outDir).model,
      modelSha256,
      steps: run.trainer.version(),
      epochs: rows.length,
      trainLoss: last?.trainLoss ?? sums.lossSum / sums.samples,
      validationAccuracy: last?.validationAccuracy ?? null,
      best: bestOf(rows),
      delay: config.spec.delay ?? 0,
      staleness: stalenessBound(config.spec),
      reproducible: isReproducible(config.spec),
      modelEpoch: config.spec.keep === 'best' ? (bestEpoch(rows)?.epoch ?? null) : null,
      account,
      imagesPerSecond: seconds > 0 ? images / seconds : 0,
      seconds,
    };
  };

  /** Without its model a run has nothing to show, but what was trained may still be on disk. */
  const modelOrExplanation = async (outcome: RunSummary['outcome']): Promise<string> => {
    try {
      return await writeModel(config, run, chronicle.rows(), outcome);
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      const saved = disk.savedStep();
      const kept =
        saved === null
          ? 'There is no checkpoint either: the training is lost.'
          : `The last checkpoint is that of step ${saved} of ${run.trainer.version()}: make room, and --resume goes on from there.`;
      throw new OutputError(`${error.message} ${kept}`, { cause: error });
    }
  };

  const conclude = async (outcome: RunSummary['outcome']): Promise<RunSummary> => {
    await disk.settled();
    // Before the end itself makes all workers leave.
    const account = await o.account();
    const summary = summarise(outcome, await modelOrExplanation(outcome), account);
    if (outcome === 'finished') await writeFinished(config, run, summary);
    o.onClose();
    await farewell(
      outcome,
      outcome === 'finished' ? 'all epochs are done' : 'the coordinator was asked to stop',
    );
    // The workers need not wait for a picture.
    await o.draw(config, chronicle.rows());
    return summary;
  };

  const giveUp = async (error: unknown): Promise<void> => {
    try {
      o.onClose();
      if (isWorthKeeping(error) && run.trainer.parameters().every(Number.isFinite)) {
        disk.saveCheckpoint((failure) => {
          if (failure !== null) config.log.warn(`The last steps are not on disk. ${failure.message}`);
        });
      }
      await disk.settled();
      // The workers are the successor's now, and so are the tasks.
      if (error instanceof TakenOverError) await bounded(link.close());
      else await farewell('failed', error instanceof Error ? error.message : String(error));
    } catch (late) {
      config.log.debug(`While giving up: ${String(late)}`);
    }
    reject(error);
  };

  const succeed = async (outcome: RunSummary['outcome']): Promise<void> => {
    try {
      resolve(await conclude(outcome));
    } catch (error) {
      await giveUp(error);
    }
  };

  const once = (end: () => Promise<void>): void => {
    if (isEnding) return;
    isEnding = true;
    void end();
  };

  // Whoever starts a coordinator awaits `finished`; until then a failure must not be an unhandled one.
  settled.catch(() => undefined);
  return {
    summary: settled,
    finished: () => once(() => succeed('finished')),
    stopped: () => once(() => succeed('stopped')),
    failed: (error) => once(() => giveUp(error)),
  };
}

/**
 * What was trained before a stop, or before the broker stayed away, is worth a checkpoint. A full disk or a lost folder is the
 * fault itself, and after an error that nobody expected the state may be anything.
 */
function isWorthKeeping(error: unknown): boolean {
  return error instanceof RunStoppedError ? error.keep : error instanceof BrokerError;
}

function bestOf(rows: readonly HistoryRow[]): RunSummary['best'] {
  const best = bestEpoch(rows);
  if (best === null || best.validationAccuracy === null) return null;
  return { epoch: best.epoch, validationAccuracy: best.validationAccuracy };
}

const noAnswer = (): Error => new Error(`no answer within ${farewellMs / 1000} s.`);
