import type { Registry } from 'prom-client';
import { metricsIn } from '../metrics/index.js';
import { type CoordinatorState, readyWorkers, type Vitals, type WorkerEntry } from './decide/state.js';

/** The metrics of single workers: label `worker`, one scrape for the whole cluster. */
export interface WorkerSeries {
  /** A result of this worker was accepted. */
  accepted(worker: string, samples: number, computeMs: number): void;
  /** What heartbeats and clock have changed, a few times a second; also lets the series of those who left expire. */
  observe(state: CoordinatorState): void;
}

/** How long the last values of a worker that left can still be scraped. */
export const keptMs = 300_000;
/** Workers with series of their own; of more, only the totals are there. */
export const mostListed = 256;
/** Blocks over which the 95th percentile is taken. */
const remembered = 64;

type Counts = Pick<Vitals, 'busyMs' | 'cacheHits' | 'cacheMisses' | 'reconnects'>;
const nothing: Counts = { busyMs: 0, cacheHits: 0, cacheMisses: 0, reconnects: 0 };

interface Listed {
  /** Null while it takes part. */
  leftAtMs: number | null;
  listedAtMs: number;
  /** Of the last blocks, milliseconds. */
  computeMs: number[];
  /** What the worker had counted at its last heartbeat; null before the first. */
  counted: Counts | null;
  host: string;
  backend: string;
}

/** `now`: milliseconds, only forward; `clock`: milliseconds since 1970. */
export function createWorkerSeries(registry: Registry, now: () => number, clock: () => number): WorkerSeries {
  const { counter, gauge } = metricsIn(registry);
  const ofWorker = ['worker'] as const;
  const info = gauge('onko_worker_info', 'A worker that takes part: its host and its kernels.', [
    'worker',
    'host',
    'backend',
  ]);
  const threads = gauge('onko_worker_threads', 'Compute threads of the worker.', ofWorker);
  const images = counter(
    'onko_worker_images_total',
    'Images of the worker whose results were accepted, training and validation.',
    ofWorker,
  );
  const blocks = counter('onko_worker_blocks_total', 'Blocks of the worker that were accepted.', ofWorker);
  const pace = gauge(
    'onko_worker_images_per_second',
    'Images that the worker computed per second between its last two heartbeats.',
    ofWorker,
  );
  const lastSeen = gauge(
    'onko_worker_last_seen_timestamp_seconds',
    'When the worker was last heard, seconds since 1970.',
    ofWorker,
  );
  const lag = gauge(
    'onko_worker_event_loop_lag_seconds',
    'Longest delay of the event loop of the worker between its last two heartbeats.',
    ofWorker,
  );
  const p95 = gauge(
    'onko_worker_block_p95_seconds',
    'Time that 95 % of the last 64 accepted blocks of the worker took it to compute at most.',
    ofWorker,
  );
  const memory = gauge(
    'onko_worker_resident_memory_bytes',
    'Resident memory of the process of the worker.',
    ofWorker,
  );
  const inHand = gauge(
    'onko_worker_blocks_in_hand',
    'Blocks that the worker had at its last heartbeat, computing or waiting.',
    ofWorker,
  );
  const busy = counter(
    'onko_worker_busy_seconds_total',
    'Time that compute threads of the worker spent on blocks; divided by threads and time, how well they are used.',
    ofWorker,
  );
  const hits = counter(
    'onko_worker_data_cache_hits_total',
    'Data blocks that a task of the worker needed and that it had.',
    ofWorker,
  );
  const misses = counter(
    'onko_worker_data_cache_misses_total',
    'Data blocks that a task of the worker needed and that it had to fetch.',
    ofWorker,
  );
  const reconnects = counter(
    'onko_worker_reconnects_total',
    'Times that the connection of the worker to the broker came back.',
    ofWorker,
  );
  const unlisted = gauge(
    'onko_workers_unlisted',
    'Workers that take part and have no series of their own, because there are more than 256.',
  );
  const all = [
    threads,
    images,
    blocks,
    pace,
    lastSeen,
    lag,
    p95,
    memory,
    inHand,
    busy,
    hits,
    misses,
    reconnects,
  ];
  const listed = new Map<string, Listed>();

  const remove = (worker: string): void => {
    for (const metric of all) metric.remove({ worker });
    const { host, backend } = listed.get(worker) ?? {};
    if (host !== undefined && backend !== undefined) info.remove({ worker, host, backend });
    listed.delete(worker);
  };

  /** The entry of a worker, made if there is room; the one that left first makes room. */
  const entryOf = (worker: string): Listed | null => {
    const known = listed.get(worker);
    if (known !== undefined) return known;
    if (listed.size >= mostListed) {
      const gone = [...listed].filter(([, { leftAtMs }]) => leftAtMs !== null);
      const [first] = gone.toSorted(([, a], [, b]) => (a.leftAtMs ?? 0) - (b.leftAtMs ?? 0));
      if (first === undefined) return null;
      remove(first[0]);
    }
    const entry: Listed = {
      leftAtMs: null,
      listedAtMs: now(),
      computeMs: [],
      counted: null,
      host: '',
      backend: '',
    };
    listed.set(worker, entry);
    for (const metric of [images, blocks, busy, hits, misses, reconnects]) metric.inc({ worker }, 0);
    return entry;
  };

  const show = (ready: WorkerEntry, entry: Listed): void => {
    const { worker, vitals } = ready;
    entry.leftAtMs = null;
    if (entry.host !== ready.host || entry.backend !== ready.kernels || ready.host === '') {
      info.remove({ worker, host: entry.host, backend: entry.backend });
      entry.host = ready.host;
      entry.backend = ready.kernels;
      info.set({ worker, host: entry.host, backend: entry.backend }, 1);
    }
    threads.set({ worker }, ready.threads);
    lastSeen.set({ worker }, (clock() - (now() - ready.lastSeenMs)) / 1000);
    if (entry.computeMs.length > 0) p95.set({ worker }, percentile95(entry.computeMs) / 1000);
    if (vitals === null) return;
    lag.set({ worker }, vitals.eventLoopLagMs / 1000);
    memory.set({ worker }, vitals.rssBytes);
    inHand.set({ worker }, vitals.nodes.length);
    if (vitals.imagesPerSecond !== null) pace.set({ worker }, vitals.imagesPerSecond);
    // One that had worked before it came to us begins at nothing: none of that was for this coordinator.
    const isFresh = vitals.busyMs <= ready.threads * (now() - entry.listedAtMs);
    const counted = entry.counted ?? (isFresh ? nothing : vitals);
    busy.inc({ worker }, growth(counted.busyMs, vitals.busyMs) / 1000);
    hits.inc({ worker }, growth(counted.cacheHits, vitals.cacheHits));
    misses.inc({ worker }, growth(counted.cacheMisses, vitals.cacheMisses));
    reconnects.inc({ worker }, growth(counted.reconnects, vitals.reconnects));
    entry.counted = vitals;
  };

  /** It does nothing any more, and the counters stand. */
  const still = (worker: string): void => {
    threads.set({ worker }, 0);
    inHand.set({ worker }, 0);
    pace.set({ worker }, 0);
  };

  return {
    accepted(worker, samples, computeMs) {
      const entry = entryOf(worker);
      if (entry === null) return;
      images.inc({ worker }, samples);
      blocks.inc({ worker });
      entry.computeMs.push(computeMs);
      if (entry.computeMs.length > remembered) entry.computeMs.shift();
    },
    observe(state) {
      const present = new Set<string>();
      let without = 0;
      for (const ready of readyWorkers(state)) {
        const entry = entryOf(ready.worker);
        if (entry === null) without += 1;
        else show(ready, entry);
        present.add(ready.worker);
      }
      unlisted.set(without);
      const nowMs = now();
      for (const [worker, entry] of listed) {
        if (present.has(worker)) continue;
        if (entry.leftAtMs === null) {
          entry.leftAtMs = nowMs;
          still(worker);
        } else if (nowMs - entry.leftAtMs >= keptMs) remove(worker);
      }
    },
  };
}

/** What a count grew by; one that is smaller than before began anew with its process. */
function growth(before: number, after: number): number {
  return after >= before ? after - before : after;
}

function percentile95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0;
}
