import { isWhole } from './decide/fronts.js';
import { type CoordinatorState, type Link, readyWorkers } from './decide/state.js';
import { seconds } from './decide/waiting.js';

/** Whether somebody should have a look at the coordinator: what `/healthz` answers. */
export interface Health {
  /** After each event. */
  observe(state: CoordinatorState): void;
  /** One sentence; null while all is well. To wait for workers is nothing to worry about. */
  illness(): string | null;
}

/** A broker that is restarted is back sooner. */
const awayMs = 60_000;
/** With workers there, and longer than that a block is late for other reasons than being large… */
const stillMs = 300_000;
/** …unless blocks take so long here: this many times the slowest of late. */
const stillFactor = 10;

export function createHealth(now: () => number): Health {
  let current: CoordinatorState | null = null;
  let link: Link['type'] = 'up';
  let linkSinceMs = now();
  return {
    observe(state) {
      current = state;
      if (state.link.type === link) return;
      link = state.link.type;
      linkSinceMs = now();
    },
    illness() {
      if (current === null || current.phase === 'ended') return null;
      const nowMs = now();
      const linkMs = nowMs - linkSinceMs;
      if (current.link.type !== 'up') {
        if (linkMs < awayMs) return null;
        const what = current.link.type === 'down' ? 'The broker is away' : 'The broker takes no messages';
        return `${what} since ${seconds(linkMs)} (${current.link.reason}).`;
      }
      const { durations, lastProgressMs } = current;
      const front = current.fronts.find((one) => !isWhole(one));
      if (front === undefined || current.phase !== 'working' || readyWorkers(current).length === 0)
        return null;
      // What the time without a broker took is not the workers' fault.
      const stoodMs = Math.min(nowMs - lastProgressMs, linkMs);
      if (stoodMs < Math.max(stillMs, stillFactor * Math.max(0, ...durations[front.mode]))) return null;
      const missing = front.units.filter((unit) => unit.accepted === null).length;
      return `Nothing was accepted for ${seconds(stoodMs)} although workers are there: step ${front.step} waits for ${missing} of ${front.units.length} blocks.`;
    },
  };
}
