import type { RunningWorker, WorkerConfig } from './config.js';

/** Joins the lobby of the broker and works for one run at a time until drained, closed or, with `once`, the run is over. */
export declare function startWorker(config: WorkerConfig): Promise<RunningWorker>;
