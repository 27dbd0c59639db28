import { canonicalJson, OutputError, writeAtomically } from '../store/index.js';
import { encodeCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Chronicle } from './chronicle.js';
import type { CoordinatorConfig } from './config.js';
import { TakenOverError } from './errors.js';
import { formatHistory } from './history.js';
import type { PreparedRun } from './prepare.js';
import { readFence, runPaths } from './run-dir.js';

/** Writes to the run folder, one after the other, while training goes on. */
export interface Disk {
  /** Copies the present state and writes it; `onDone` gets its size and null when it is on disk, or why it is not. */
  saveCheckpoint(onDone: (failure: OutputError | null, sizeBytes: number) => void): void;
  saveHistory(onFailed: (failure: OutputError) => void): void;
  /** Looks whether the folder is still ours; `onError` is told if not. */
  checkFence(): void;
  /** Step of the newest checkpoint that this start wrote or began with; null if there is none. */
  savedStep(): number | null;
  /** Resolves when everything asked for is on disk, or has failed. */
  settled(): Promise<void>;
}

/**
 * A disk that is full or fails is no reason to stop: the caller is told, and may try again. `onError` gets what is one: another
 * coordinator has the folder now, or something that nobody expected. Nothing is written after that.
 */
export function createDisk(
  config: CoordinatorConfig,
  run: PreparedRun,
  chronicle: Chronicle,
  onError: (error: unknown) => void,
): Disk {
  const paths = runPaths(config.outDir);
  let queue: Promise<void> = Promise.resolve();
  let failed = false;
  let saved = run.restored?.step ?? null;

  const enqueue = (write: () => Promise<void>, onDone: (failure: OutputError | null) => void): void => {
    queue = writeAfter(queue, write, onDone);
  };

  const writeAfter = async (
    before: Promise<void>,
    write: () => Promise<void>,
    onDone: (failure: OutputError | null) => void,
  ): Promise<void> => {
    await before;
    if (failed) return;
    let failure: OutputError | null = null;
    try {
      await guardFence();
      await write();
    } catch (error) {
      if (!(error instanceof OutputError)) {
        failed = true;
        onError(error);
        return;
      }
      failure = error;
    }
    onDone(failure);
  };

  /** Whoever raised the fence after us owns the folder now. */
  const guardFence = async (): Promise<void> => {
    const fence = await readFence(config.outDir, config.files);
    if (fence <= run.fence) return;
    throw new TakenOverError(
      `Another coordinator has taken over the run in ${config.outDir}: this one ends, and has written nothing since.`,
    );
  };

  return {
    saveCheckpoint(onDone) {
      const { trainer, file } = run;
      const { updates, scalars } = trainer.optimizerState();
      const step = trainer.version();
      const bytes = encodeCheckpoint(run.model, {
        metadata: {
          format: 'onko-checkpoint-1',
          run: file.run,
          fence: run.fence,
          spec: canonicalJson(config.spec),
          dataHash: file.dataHash,
          numericsId: file.numericsId,
          step,
          ahead: [...trainer.ahead()],
          recordedEpochs: chronicle.rows().length,
          lossTrend: chronicle.trend(),
          epochSums: chronicle.epochSums(),
          epochSeconds: chronicle.epochSeconds(),
          seconds: chronicle.seconds(),
          history: [...chronicle.rows()],
          optimizer: { updates, scalars },
        },
        parameters: trainer.parameters(),
        optimizerState: trainer.optimizerState(),
        kept: trainer.kept(),
      });
      enqueue(
        async () => {
          await writeCheckpoint(paths.checkpoints, step, bytes, config.keepCheckpoints, config.files);
          saved = step;
        },
        (failure) => onDone(failure, bytes.byteLength),
      );
    },
    saveHistory(onFailed) {
      const text = formatHistory(chronicle.rows());
      enqueue(
        () => writeAtomically(paths.history, text, config.files),
        (failure) => {
          if (failure !== null) onFailed(failure);
        },
      );
    },
    checkFence: () =>
      enqueue(
        async () => undefined,
        () => undefined,
      ),
    savedStep: () => saved,
    settled: () => queue,
  };
}
