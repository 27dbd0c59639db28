import type { Result } from '../protocol/index.js';
import type { Span } from './step-timeline.js';

/** What a worker did with a block, by the coordinator's clock; one after the other without a gap. */
export interface BlockTimes {
  fetching: Span;
  waiting: Span;
  computing: Span;
  /** Off its thread, to the broker, through it, until it arrived. */
  publishing: Span;
}

/**
 * The times that a result tells, moved by `offsetMs` to the coordinator's clock and cut to `bounds`, from when the block was
 * published to when its result arrived: whatever a worker claims, it stays within.
 */
export function placeBlock(
  result: Pick<Result, 'takenAtMs' | 'fetchMs' | 'waitMs' | 'computeMs'>,
  offsetMs: number,
  bounds: Span,
): BlockTimes {
  const within = (atMs: number): number => Math.min(bounds.endMs, Math.max(bounds.startMs, atMs));
  const takenMs = result.takenAtMs + offsetMs;
  const fetchedMs = takenMs + result.fetchMs;
  const startedMs = fetchedMs + result.waitMs;
  const computedMs = startedMs + result.computeMs;
  const [taken, fetched, started, computed] = [takenMs, fetchedMs, startedMs, computedMs].map(within);
  return {
    fetching: { startMs: taken, endMs: fetched },
    waiting: { startMs: fetched, endMs: started },
    computing: { startMs: started, endMs: computed },
    publishing: { startMs: computed, endMs: bounds.endMs },
  };
}
