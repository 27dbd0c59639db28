/** Shares of the time of a worker's threads, 0…1; together at most 1, and the rest is waiting. */
export interface Doing {
  computing: number;
  fetching: number;
}

/** On one block, as its result tells; `threads`: those that shared it, 0 for one. */
export interface Spent {
  computeMs: number;
  fetchMs: number;
  threads: number;
}

/** What workers spend their time on, from what their results say, over the last seconds. */
export interface DoingMeter {
  accepted(worker: string, spent: Spent): void;
  /** Null for one that has not been heard for a whole window yet. */
  of(worker: string, threads: number): Doing | null;
  /** Forgets all others. */
  keep(workers: ReadonlySet<string>): void;
}

interface Window {
  sinceMs: number;
  /** Of threads: what each of them spent, added up. */
  computeMs: number;
  fetchMs: number;
  /** The window before: milliseconds per millisecond. */
  last: { compute: number; fetch: number } | null;
}

/** Long enough for some blocks, short enough to see a change. */
const windowMs = 2000;

/** `now`: milliseconds */
export function createDoingMeter(now: () => number): DoingMeter {
  const windows = new Map<string, Window>();
  const rolled = (worker: string): Window => {
    const known = windows.get(worker) ?? { sinceMs: now(), computeMs: 0, fetchMs: 0, last: null };
    const passedMs = now() - known.sinceMs;
    const { computeMs, fetchMs } = known;
    const next =
      passedMs < windowMs
        ? known
        : {
            sinceMs: now(),
            computeMs: 0,
            fetchMs: 0,
            last: { compute: computeMs / passedMs, fetch: fetchMs / passedMs },
          };
    windows.set(worker, next);
    return next;
  };
  return {
    accepted(worker, { computeMs, fetchMs, threads }) {
      const window = rolled(worker);
      window.computeMs += computeMs * Math.max(1, threads);
      window.fetchMs += fetchMs * Math.max(1, threads);
    },
    of(worker, threads) {
      const { last } = rolled(worker);
      if (last === null) return null;
      // A block that began in the window before counts whole in the one in which it ended.
      const computing = Math.min(1, last.compute / threads);
      // Several blocks may be fetched at once, and while others are computed.
      return { computing, fetching: Math.min(1 - computing, last.fetch / threads) };
    },
    keep(workers) {
      for (const worker of windows.keys()) if (!workers.has(worker)) windows.delete(worker);
    },
  };
}
