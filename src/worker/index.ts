/** The worker: takes blocks of microshards from a run, computes their gradients on threads, and hands in one sum per block. */
export type { Machine, RunningWorker, WorkerConfig, WorkerSummary } from './config.js';
export { startWorker } from './worker.js';
