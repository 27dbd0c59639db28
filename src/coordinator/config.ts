import type { Registry } from 'prom-client';
import type { Pack } from '../data/index.js';
import type { Kernels } from '../engine/index.js';
import type { Log } from '../metrics/index.js';
import type { FileOperations } from '../store/index.js';
import type { Timers, Transport } from '../transport/index.js';
import type { RunAccount } from './account.js';
import type { Patience } from './decide/state.js';
import type { Progress } from './progress.js';
import type { TrainingSpec } from './spec.js';
import type { RunView } from './view/run-view.js';

/** Everything a coordinator needs; `src/cli` fills it from flags, environment and files. */
export interface CoordinatorConfig {
  spec: TrainingSpec;
  pack: Pack;
  transport: Transport;
  kernels: Kernels;
  /** The run folder: run.json, model.safetensors, checkpoints/, history.csv, curves.png, fence. */
  outDir: string;
  /** Go on with the run in `outDir`. A folder without a run is started from the beginning. */
  resume: boolean;
  /** With `resume`: end the coordinator that has the run, wherever it runs on this folder, and take its place. */
  takeOver?: boolean;
  /** Name of a new run, by which workers can choose it. Default: `run-` and twelve hex digits. */
  runName?: string | null;
  /** Training starts once this many workers are ready; afterwards one is enough. */
  minWorkers: number;
  /** Stop with RunStoppedError after so long without enough workers; null waits for ever. */
  workerWaitMs: number | null;
  checkpointEveryMs: number;
  keepCheckpoints: number;
  heartbeatMs: number;
  /** Stop when the mean loss stays above so many times its best; null or absent: never. */
  divergenceFactor?: number | null;
  /** Share of the blocks (0 to 1, default 0) that two workers compute; who computes wrongly is expelled. */
  auditShare?: number;
  /** Processes that sum gradients, a range of the parameters each; 0 or absent: the coordinator does. Changes no bit. */
  reducers?: number;
  /** Onko's version: workers of another one are turned away. */
  version: string;
  /** The registry that the coordinator's metrics are added to. */
  metrics: Registry;
  /** A file for the timeline of the run, which is replaced; absent or null: none. */
  tracePath?: string | null;
  log: Log;
  /** Called at every step and change of phase; must return quickly. */
  onProgress?: (progress: Progress) => void;
  /** Somebody may ask for `view`: keep what it shows. Default: false. */
  viewed?: boolean;
  /** How to start a worker, for the line that waits for one; null where they start by themselves. Default: `worker start --broker URL`. */
  workerCommand?: string | null;
  /** Milliseconds of a clock that only goes forward; injected by tests. Default: performance.now. */
  now?: () => number;
  /** Of the same clock. Default: those of the process. */
  timers?: Timers;
  /** The disk that the run folder is on. Default: that of this machine. */
  files?: FileOperations;
  /** When to grow impatient with workers. Default: `defaultPatience`. */
  patience?: Patience;
}

export interface RunSummary {
  outcome: 'finished' | 'stopped';
  run: string;
  modelPath: string;
  modelSha256: string;
  /** Whole steps done since the beginning of the run. */
  steps: number;
  /** Whole epochs done. */
  epochs: number;
  /** Mean training loss of the last whole epoch, in nats; of the epoch so far when there is none. */
  trainLoss: number;
  /** Of the last epoch. */
  validationAccuracy: number | null;
  /** The best epoch by validation accuracy; null without validation, or where it is not known any more. */
  best: { epoch: number; validationAccuracy: number } | null;
  /** The epoch that the model is of, where the run keeps the best one; null: the last. */
  modelEpoch: number | null;
  /** Steps that each gradient was late by: above 0 it is another algorithm. */
  delay: number;
  /** Updates that a gradient was allowed to miss, in asynchronous training, whose bits depend on the order of arrival; else null. */
  staleness: number | null;
  /** False where the bits depend on the cluster: on who computed what, who died, when the coordinator was restarted. */
  reproducible: boolean;
  /** Null for a run that an earlier start has finished. */
  account: RunAccount | null;
  /** Training images per second, over all coordinator starts of the run. */
  imagesPerSecond: number;
  /** Time spent training and validating, over all coordinator starts of the run. */
  seconds: number;
}

export interface Coordinator {
  /** Resolves at the orderly end or after `stop`; rejects with RunStoppedError, OutputError, BrokerError … */
  finished: Promise<RunSummary>;
  /** One sentence if somebody should have a look: the broker is away for long, or nothing comes back. null while all is well. */
  illness(): string | null;
  /** Checkpoint at the last whole step, tell the workers, leave. Resolves when `finished` has settled. */
  stop(): Promise<void>;
  /** What there is to be seen of the run now; null for one that an earlier start has finished. Cheap, but made anew at each call. */
  view(): RunView | null;
}
