/**
 * Places what workers tell by their own clocks on the coordinator's. A task cannot have come before it was published, nor a
 * result have been sent after it arrived: both bound how far the clocks are apart, and over a few messages, some of which
 * travelled fast, the bounds get close. In their middle the truth lies best (as NTP takes it).
 */
export interface WorkerClocks {
  /** One message each way. All times in milliseconds, `takenAtMs` and `sentAtMs` by the worker's clock, the others by ours. */
  heard(
    worker: string,
    times: { publishedMs: number; takenAtMs: number; sentAtMs: number; arrivedMs: number },
  ): void;
  /** What to add to a time of that worker's clock; 0 for one that was never heard. */
  offsetMs(worker: string): number;
  forget(worker: string): void;
}

/** Exchanges that are remembered: clocks drift apart, so that old bounds must not count for ever. */
const remembered = 32;

interface Bounds {
  /** Ours minus theirs is at least this, and at most that. */
  low: number;
  high: number;
}

export function createWorkerClocks(): WorkerClocks {
  const heard = new Map<string, Bounds[]>();
  return {
    heard(worker, { publishedMs, takenAtMs, sentAtMs, arrivedMs }) {
      const bounds = heard.get(worker) ?? [];
      bounds.push({ low: publishedMs - takenAtMs, high: arrivedMs - sentAtMs });
      if (bounds.length > remembered) bounds.shift();
      heard.set(worker, bounds);
    },
    offsetMs(worker) {
      const bounds = heard.get(worker);
      if (bounds === undefined) return 0;
      let low = Number.NEGATIVE_INFINITY;
      let high = Number.POSITIVE_INFINITY;
      for (const bound of bounds) {
        low = Math.max(low, bound.low);
        high = Math.min(high, bound.high);
      }
      return (low + high) / 2;
    },
    forget: (worker) => void heard.delete(worker),
  };
}
