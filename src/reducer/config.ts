import type { Log, Registry } from '../metrics/index.js';
import type { Timers, Transport } from '../transport/index.js';

/** What a reducer is started with. Nothing here can change the bits of a run. */
export interface ReducerConfig {
  /** Unique among the reducers of a broker. */
  reducer: string;
  transport: Transport;
  /** Name of the kernels wanted, as `resolveKernels` takes it; the best available if absent. */
  kernels?: string;
  /** End after the first run instead of going back to the lobby. */
  once: boolean;
  /** Take part in the run of this name only; null for whatever needs a reducer. */
  run: string | null;
  log: Log;
  /** The registry that the reducer's own metrics are added to. */
  metrics: Registry;
  /** Who this is, for the coordinator's log. */
  machine: { host: string; pid: number };
  /** Version of Onko, which coordinator and reducer must share. */
  version: string;
  /** Milliseconds of a clock that only goes forward. Default: performance.now. */
  now?: () => number;
  /** Of the same clock. Default: those of the process. */
  timers?: Timers;
}

export interface ReducerSummary {
  /** Runs that came to their end while this reducer was in them. */
  runs: number;
  /** Sums sent. */
  sums: number;
}

export interface RunningReducer {
  /** Resolves when the reducer is over (drained, or one run with `once`); rejects if the broker is gone for good. */
  readonly finished: Promise<ReducerSummary>;
  /** Gives its range back and leaves. Resolves when that is done. */
  drain(reason: string): Promise<void>;
  /** One sentence about what keeps it from working; null while nothing does. */
  illness(): string | null;
}
