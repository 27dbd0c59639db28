import type { Counter, Registry } from 'prom-client';
import { createLinkMetrics, type LinkMetrics, metricsIn } from '../metrics/index.js';
import type { Heartbeat, Mode } from '../protocol/index.js';

/** A block takes from a millisecond to minutes, and each part of it may take next to nothing. */
const blockBuckets = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
];

const blockOutcomes = ['published', 'failed', 'abandoned'] as const;
const blockPhases = ['fetching', 'waiting', 'computing', 'publishing'] as const;

export interface WorkerFacts {
  worker: string;
  version: string;
  threads: number;
  /** Name of the kernels, and their numerics id. */
  kernels: string;
  numericsId: string;
}

/** What this worker counts: for its own page, and for its heartbeats. */
export interface WorkerMetrics {
  readonly link: LinkMetrics;
  /** A task came that needs samples of so many data blocks, so many of which are not here. */
  taskCame(blocks: number, missing: number): void;
  /** So many compute threads are at a block from now on, until the function that this returns is called. */
  computing(threads: number): () => void;
  finished(outcome: (typeof blockOutcomes)[number]): void;
  /** The broker has confirmed a result. Milliseconds. */
  published(mode: Mode, samples: number, ms: Record<(typeof blockPhases)[number], number>): void;
  inHand(blocks: number): void;
  joined(isInRun: boolean): void;
  runsEnded(runs: number): void;
  /** For the next heartbeat. */
  counts(): Pick<Heartbeat, 'busyMs' | 'cacheHits' | 'cacheMisses' | 'reconnects'>;
}

/**
 * A worker's own metrics, in base units. Every series of the registry gets the label `worker`. No name is that of a metric with
 * which a coordinator tells of its cluster, so that a sum over both pages counts nothing twice. docs/metrics.md lists them.
 *
 * @param now milliseconds, only forward
 */
export function createWorkerMetrics(
  registry: Registry,
  facts: WorkerFacts,
  now: () => number,
): WorkerMetrics {
  registry.setDefaultLabels({ worker: facts.worker });
  const { counter, gauge, histogram, info } = metricsIn(registry);
  info('onko_build_info', 'Version of Onko, and what this process is.', {
    version: facts.version,
    role: 'worker',
  });
  info('onko_kernels_info', 'Numeric backend of this process, and its numerics id.', {
    backend: facts.kernels,
    numerics_id: facts.numericsId,
  });
  gauge('onko_compute_threads', 'Compute threads of this worker.').set(facts.threads);
  const begun = new Set<{ atMs: number; threads: number }>();
  let busyMs = 0;
  let cacheHits = 0;
  let cacheMisses = 0;
  let runs = 0;
  /** Up to this moment, blocks under way included. */
  const busyUntilNow = (): number => {
    const nowMs = now();
    return [...begun].reduce((sum, { atMs, threads }) => sum + (nowMs - atMs) * threads, busyMs);
  };
  let shownMs = 0;
  const busy: Counter = counter(
    'onko_compute_busy_seconds_total',
    'Time that compute threads spent on blocks; divided by threads and time, how well they are used.',
    [],
    () => {
      const ms = busyUntilNow();
      busy.inc((ms - shownMs) / 1000);
      shownMs = ms;
    },
  );
  const images = counter('onko_computed_images_total', 'Images in results that the broker confirmed.', [
    'mode',
  ]);
  const blocks = counter('onko_blocks_total', 'Blocks that this worker is done with, by outcome.', [
    'outcome',
  ]);
  const phaseSeconds = histogram(
    'onko_block_phase_seconds',
    'Time of a block by phase. fetching: its data blocks. waiting: for weights or a thread. computing. publishing: until the broker has confirmed the result.',
    blockBuckets,
    ['phase'],
  );
  const inHand = gauge('onko_blocks_in_hand', 'Blocks that this worker has, computing or waiting.');
  const hits = counter('onko_data_cache_hits_total', 'Data blocks that a task needed and that were here.');
  const misses = counter(
    'onko_data_cache_misses_total',
    'Data blocks that a task needed and that had to be fetched.',
  );
  const joined = gauge('onko_joined', '1 while this worker takes part in a run.');
  const ended = counter('onko_runs_total', 'Runs that ended while this worker took part.');
  const link = createLinkMetrics(registry, now);
  for (const mode of ['train', 'evaluate']) images.inc({ mode }, 0);
  for (const outcome of blockOutcomes) blocks.inc({ outcome }, 0);
  for (const phase of blockPhases) phaseSeconds.zero({ phase });
  return {
    link,
    taskCame(wanted, missing) {
      cacheHits += wanted - missing;
      cacheMisses += missing;
      hits.inc(wanted - missing);
      misses.inc(missing);
    },
    computing(threads) {
      const entry = { atMs: now(), threads };
      begun.add(entry);
      return () => {
        if (begun.delete(entry)) busyMs += (now() - entry.atMs) * threads;
      };
    },
    finished: (outcome) => blocks.inc({ outcome }),
    published(mode, samples, ms) {
      images.inc({ mode }, samples);
      blocks.inc({ outcome: 'published' });
      for (const phase of blockPhases) phaseSeconds.observe({ phase }, ms[phase] / 1000);
    },
    inHand: (count) => inHand.set(count),
    joined: (isInRun) => joined.set(isInRun ? 1 : 0),
    runsEnded(count) {
      if (count > runs) ended.inc(count - runs);
      runs = count;
    },
    counts: () => ({ busyMs: busyUntilNow(), cacheHits, cacheMisses, reconnects: link.reconnects() }),
  };
}
