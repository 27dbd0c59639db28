import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopWatch {
  /** The longest delay of the event loop since the last call. */
  takeMs(): number;
  stop(): void;
}

const resolutionMs = 20;

/** A compute thread that works as intended leaves the event loop free; this is the proof. */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return {
    takeMs() {
      // The histogram holds the times between two wakings of its timer, the timer's own period included.
      const longestMs = histogram.max / 1e6 - resolutionMs;
      histogram.reset();
      return Math.max(0, longestMs);
    },
    stop: () => void histogram.disable(),
  };
}
