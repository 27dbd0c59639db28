import type { Registry } from 'prom-client';
import { createLinkMetrics, type LinkMetrics, metricsIn } from '../metrics/index.js';

export interface ReducerFacts {
  reducer: string;
  version: string;
  /** Name of the kernels, and their numerics id. */
  kernels: string;
  numericsId: string;
}

/** What a reducer counts, for its own page. */
export interface ReducerMetrics {
  readonly link: LinkMetrics;
  /** `ms`: checking and adding it. */
  segment(sizeBytes: number, added: boolean, ms: number): void;
  /** A sum was sent, or blocks were missing. */
  answered(isSum: boolean): void;
  holding(holds: boolean): void;
}

/** Every series of the registry gets the label `reducer`; docs/metrics.md lists them. @param now milliseconds, only forward */
export function createReducerMetrics(
  registry: Registry,
  facts: ReducerFacts,
  now: () => number,
): ReducerMetrics {
  registry.setDefaultLabels({ reducer: facts.reducer });
  const { counter, gauge, info } = metricsIn(registry);
  info('onko_build_info', 'Version of Onko, and what this process is.', {
    version: facts.version,
    role: 'reducer',
  });
  info('onko_kernels_info', 'Numeric backend of this process, and its numerics id.', {
    backend: facts.kernels,
    numerics_id: facts.numericsId,
  });
  const segments = counter(
    'onko_segments_total',
    'Segments of gradients that this reducer has had. added: they count; dropped: repeated, late, or not what they should be.',
    ['outcome'],
  );
  const bytes = counter('onko_segment_bytes_total', 'Bytes of the values of all segments.');
  const seconds = counter('onko_segment_seconds_total', 'Time spent on checking and adding segments.');
  const answers = counter(
    'onko_range_sums_total',
    'Answers to requests for the sum of the range. sum, or missing: some blocks are to be computed again.',
    ['outcome'],
  );
  const holds = gauge('onko_holds_range', '1 while this reducer sums a range of a run.');
  for (const outcome of ['added', 'dropped']) segments.inc({ outcome }, 0);
  for (const outcome of ['sum', 'missing']) answers.inc({ outcome }, 0);
  return {
    link: createLinkMetrics(registry, now),
    segment(sizeBytes, added, ms) {
      segments.inc({ outcome: added ? 'added' : 'dropped' });
      bytes.inc(sizeBytes);
      seconds.inc(ms / 1000);
    },
    answered: (isSum) => answers.inc({ outcome: isSum ? 'sum' : 'missing' }),
    holding: (isHolding) => holds.set(isHolding ? 1 : 0),
  };
}
