import { type CoordinatorState, readyWorkers } from './decide/state.js';
import type { Progress } from './progress.js';

/** What a coordinator says of its run to whoever asks; the JSON of a `StatusReport`. */
export interface RunStatus
  extends Pick<
    Progress,
    | 'run'
    | 'phase'
    | 'epoch'
    | 'epochs'
    | 'step'
    | 'totalSteps'
    | 'loss'
    | 'accuracy'
    | 'validationLoss'
    | 'validationAccuracy'
    | 'learningRate'
    | 'imagesPerSecond'
    | 'etaSeconds'
    | 'waiting'
  > {
  fence: number;
  version: string;
  checkpointAgeSeconds: number;
  workers: WorkerStatus[];
  expelled: { worker: string; host: string; reason: string }[];
}

export interface WorkerStatus {
  worker: string;
  host: string;
  threads: number;
  /** '' while it has not said. */
  kernels: string;
  /** `preparing`: was told about the run and has not joined yet. */
  state: 'ready' | 'preparing';
  lastSeenSeconds: number;
  /** Tree nodes in hand, as its last heartbeat said. */
  blocks: number[];
  /** Computed since it joined, and per second between its last two heartbeats; null before those. */
  images: number | null;
  imagesPerSecond: number | null;
  eventLoopLagMs: number | null;
  rssBytes: number | null;
}

export function statusOf(state: CoordinatorState, progress: Progress, nowMs: number): RunStatus {
  const { plan, checkpoint, expelled } = state;
  const { workers: _count, threads: _threads, ...shown } = progress;
  const ready = new Set(readyWorkers(state).map(({ worker }) => worker));
  return {
    ...shown,
    fence: plan.fence,
    version: plan.version,
    checkpointAgeSeconds: (nowMs - checkpoint.savedAtMs) / 1000,
    workers: state.workers.map(({ worker, host, threads, kernels, lastSeenMs, vitals }) => ({
      worker,
      host,
      threads,
      kernels,
      state: ready.has(worker) ? 'ready' : 'preparing',
      lastSeenSeconds: (nowMs - lastSeenMs) / 1000,
      blocks: vitals?.nodes ?? [],
      images: vitals?.images ?? null,
      imagesPerSecond: vitals?.imagesPerSecond ?? null,
      eventLoopLagMs: vitals?.eventLoopLagMs ?? null,
      rssBytes: vitals?.rssBytes ?? null,
    })),
    expelled: expelled.map(({ worker, host, reason }) => ({ worker, host, reason })),
  };
}
