import { rangesOf } from '../protocol/index.js';
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
  /** In their order; none where the coordinator sums. */
  ranges: RangeStatus[];
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

/** A range of the parameters, in a run whose gradients are summed by reducers. */
export interface RangeStatus {
  /** From 0. */
  range: number;
  /** How many values it has, and what share of all, 0…1. */
  parameters: number;
  share: number;
  /** Who sums it, or was offered it; null while it is free. */
  reducer: string | null;
  /** '' while it is not known. */
  host: string;
  /** `offered`: the reducer has not said yet that it gets the gradients. */
  state: 'held' | 'offered' | 'free';
  /** Null while it is free. */
  lastSeenSeconds: number | null;
  /** Steps whose blocks are all accepted, and whose sum over this range is not here. */
  awaited: number[];
  /** Who held it last; null if nobody did, and while it is held. */
  before: { reducer: string; host: string; lastSeenSeconds: number } | null;
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
    ranges: rangesStatus(state, nowMs),
    expelled: expelled.map(({ worker, host, reason }) => ({ worker, host, reason })),
  };
}

function rangesStatus({ plan, ranges, fronts }: CoordinatorState, nowMs: number): RangeStatus[] {
  const sizes = rangesOf(plan.parameterCount, ranges.length);
  const secondsSince = (ms: number): number => (nowMs - ms) / 1000;
  return ranges.map(({ reducer, host, held, lastSeenMs, before }, range) => ({
    range,
    parameters: sizes[range].count,
    share: sizes[range].count / plan.parameterCount,
    reducer,
    host,
    state: held ? 'held' : reducer === null ? 'free' : 'offered',
    lastSeenSeconds: reducer === null ? null : secondsSince(lastSeenMs),
    awaited: fronts.flatMap(({ step, reduction }) =>
      reduction?.awaited.includes(range) === true ? [step] : [],
    ),
    before:
      held || before === null
        ? null
        : {
            reducer: before.reducer,
            host: before.host,
            lastSeenSeconds: secondsSince(before.lastSeenMs),
          },
  }));
}
