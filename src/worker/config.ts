import type { Log, Registry } from '../metrics/index.js';
import type { Timers, Transport } from '../transport/index.js';

/** What a worker is started with. Nothing here can change the bits of a run: that is all in the coordinator's offer. */
export interface WorkerConfig {
  /** Unique among the workers of a broker, and the name under which messages reach this one. */
  worker: string;
  transport: Transport;
  /** Compute threads; each holds one plan and computes one block at a time. */
  threads: number;
  /** Name of the kernels wanted, as `resolveKernels` takes it; the best available if absent. */
  kernels?: string;
  /** Folder of data blocks, shared by all runs and by all workers of the machine. */
  cacheDir: string;
  /** Disk space for data blocks in it; those that were not used for longest go first. Default 2 GiB. */
  blockCacheBytes?: number;
  /** A copy of the data set on this machine: blocks whose hashes agree are taken from it instead of the broker. */
  localData?: { dataDir: string };
  /** End after the first run instead of going back to the lobby. */
  once: boolean;
  /** Take part in the run of this name only. Default: whatever run needs a worker. */
  run?: string | null;
  log: Log;
  /** The registry that the worker's own metrics are added to, for a page of its own. Default: one that nobody reads. */
  metrics?: Registry;
  /** Who this is, for the coordinator's tables: facts about the process that only the command line may read. */
  machine?: Machine;
  /** Version of Onko, which coordinator and worker must share; that of this package if absent. */
  version?: string;
  /** Milliseconds, for every waiting time and deadline; `performance.now` if absent. */
  now?: () => number;
  /** Of the same clock. Default: those of the process. */
  timers?: Timers;
}

export interface Machine {
  host: string;
  pid: number;
  /** Resident memory of the process, asked at every heartbeat. */
  rssBytes(): number;
}

/** What a worker has done when it is over. */
export interface WorkerSummary {
  runs: number;
  /** Images computed in results that the broker confirmed, training and evaluation together. */
  images: number;
}

export interface RunningWorker {
  /** Resolves when the worker is over (drained, closed, or one run with `once`); rejects if the broker is gone for good. */
  readonly finished: Promise<WorkerSummary>;
  /** Takes no further task, hands in what is being computed, says goodbye. Resolves when that is done. */
  drain(reason: string): Promise<void>;
  /** One sentence about what keeps it from working; null while nothing does. */
  illness(): string | null;
  /** Stops at once and says nothing, as a crash would: the broker gives the tasks in hand to others. */
  close(): Promise<void>;
}
