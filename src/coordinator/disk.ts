import { canonicalJson, writeAtomically } from '../store/index.js';
import { encodeCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Chronicle } from './chronicle.js';
import type { CoordinatorConfig } from './config.js';
import { RunFolderError } from './errors.js';
import { formatHistory } from './history.js';
import type { PreparedRun } from './prepare.js';
import { readFence, runPaths } from './run-dir.js';

/** Writes to the run folder, one after the other, while training goes on. */
export interface Disk {
  /** Copies the present state and writes it; says so when it is on disk. */
  saveCheckpoint(onSaved: () => void): void;
  saveHistory(): void;
  /** Resolves when everything asked for is on disk, or has failed. */
  settled(): Promise<void>;
}

/** `onError` gets the first failure; nothing is written after it. */
export function createDisk(
  config: CoordinatorConfig,
  run: PreparedRun,
  chronicle: Chronicle,
  onError: (error: unknown) => void,
): Disk {
  const paths = runPaths(config.outDir);
  let queue: Promise<void> = Promise.resolve();
  let failed = false;

  const enqueue = (write: () => Promise<void>): void => {
    queue = writeAfter(queue, write);
  };

  const writeAfter = async (before: Promise<void>, write: () => Promise<void>): Promise<void> => {
    await before;
    if (failed) return;
    try {
      await guardFence();
      await write();
    } catch (error) {
      failed = true;
      onError(error);
    }
  };

  /** Whoever raised the fence after us owns the folder now. */
  const guardFence = async (): Promise<void> => {
    const fence = await readFence(config.outDir, config.files);
    if (fence <= run.fence) return;
    throw new RunFolderError(
      `Another coordinator has gone on with the run in ${config.outDir}; this one writes nothing more there.`,
    );
  };

  return {
    saveCheckpoint(onSaved) {
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
          recordedEpochs: chronicle.rows().length,
          epochSums: chronicle.epochSums(),
          epochSeconds: chronicle.epochSeconds(),
          seconds: chronicle.seconds(),
          history: [...chronicle.rows()],
          optimizer: { updates, scalars },
        },
        parameters: trainer.parameters(),
        optimizerState: trainer.optimizerState(),
      });
      enqueue(async () => {
        await writeCheckpoint(paths.checkpoints, step, bytes, config.keepCheckpoints, config.files);
        onSaved();
      });
    },
    saveHistory() {
      const text = formatHistory(chronicle.rows());
      enqueue(() => writeAtomically(paths.history, text, config.files));
    },
    settled: () => queue,
  };
}
