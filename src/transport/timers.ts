/** How time is waited for. The simulator in test/sim hands in a clock of its own. */
export interface Timers {
  /** Calls `run` once, after so long; returns how to call it off. */
  after(ms: number, run: () => void): () => void;
}

export const realTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Calls `run` again and again, at this distance; returns how to call it off. */
export function every(timers: Timers, ms: number, run: () => void): () => void {
  const again = (): void => {
    cancel = timers.after(ms, again);
    run();
  };
  let cancel = timers.after(ms, again);
  return () => cancel();
}

/** Resolves after so long, or as soon as `signal` is aborted. */
export function pauseFor(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const over = (): void => {
      cancel();
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const cancel = timers.after(ms, over);
    signal?.addEventListener('abort', over);
  });
}

/** What `work` comes to, or the error of `late` if that takes longer. */
export async function within<T>(timers: Timers, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const settled = new AbortController();
  const tooLate = async (): Promise<never> => {
    await pauseFor(timers, ms, settled.signal);
    throw late();
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    settled.abort();
  }
}
