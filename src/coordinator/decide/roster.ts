import type { CoordinatorState, WorkerEntry } from './state.js';
import { rangesAreHeld, readyWorkers } from './state.js';

/** Workers that went and are still known by name. */
const rememberedGone = 64;

/** Whatever comes from a worker is a sign of life. */
export function seen(state: CoordinatorState, worker: string, nowMs: number): CoordinatorState {
  const workers = state.workers.map((entry) =>
    entry.worker === worker ? { ...entry, lastSeenMs: nowMs } : entry,
  );
  return { ...state, workers };
}

export function remove(state: CoordinatorState, entry: WorkerEntry, nowMs: number): CoordinatorState {
  const workers = state.workers.filter((other) => other.worker !== entry.worker);
  const gone = [...state.gone.filter((other) => other.worker !== entry.worker), entry].slice(-rememberedGone);
  return withShortage({ ...state, workers, gone }, nowMs);
}

/** Whether everybody is there without whom nothing goes on. */
export function isComplete(state: CoordinatorState): boolean {
  const needed = state.phase === 'gathering' ? state.plan.minWorkers : 1;
  return readyWorkers(state).length >= needed && rangesAreHeld(state);
}

/** Keeps the time since when there are too few workers, or reducers. */
export function withShortage(state: CoordinatorState, nowMs: number): CoordinatorState {
  return { ...state, shortSinceMs: isComplete(state) ? null : (state.shortSinceMs ?? nowMs) };
}

export function put(workers: WorkerEntry[], entry: WorkerEntry): WorkerEntry[] {
  return [...workers.filter((other) => other.worker !== entry.worker), entry];
}

export function find(workers: WorkerEntry[], worker: string): WorkerEntry | undefined {
  return workers.find((entry) => entry.worker === worker);
}
