import type { RunOffer, Task } from '../protocol/index.js';

/** What the decider needs to know about this worker, and its waiting times. Fixed from start to end. */
export interface WorkerSettings {
  worker: string;
  numericsId: string;
  threads: number;
  once: boolean;
  /** Take part in this run only; null for whatever needs a worker. */
  run: string | null;
  /** Between two hellos in the lobby. */
  helloEveryMs: number;
  /** Between two `ready` messages while the weights wanted have not come. */
  readyEveryMs: number;
  /** A coordinator that said nothing for this long, while nothing is in hand, may be gone: look for another run too. */
  silentMs: number;
  /** After a run could not be joined, before the next hello. */
  rejoinMs: number;
  /** A block asked for and not there after this long is asked for again. */
  fetchTimeoutMs: number;
  /** Before a failed fetch is tried again, times the number of attempts so far. */
  fetchRetryMs: number;
  fetchAttempts: number;
  fetchesAtOnce: number;
}

export const defaultWaits = {
  helloEveryMs: 2_000,
  readyEveryMs: 5_000,
  silentMs: 30_000,
  rejoinMs: 30_000,
  fetchTimeoutMs: 15_000,
  fetchRetryMs: 500,
  fetchAttempts: 5,
  fetchesAtOnce: 4,
} as const satisfies Partial<WorkerSettings>;

/**
 * A task from its delivery to its ack.
 * `held`: waits for weights, blocks or a thread. `computing`: on a thread. `publishing`: the result waits for the
 * broker's confirm. `failing`: the report of its failure is on its way. `abandoned`: settled or void already, but still
 * on its thread; the result will be thrown away.
 */
export type TaskPhase = 'held' | 'computing' | 'publishing' | 'failing' | 'abandoned';

export interface HeldTask {
  /** Number of the delivery, given by the performer, never used twice. */
  delivery: number;
  task: Task;
  phase: TaskPhase;
  /** Data blocks that are not here yet. */
  missing: readonly number[];
  arrivedAtMs: number;
  /** When the last missing block was there. */
  blocksAtMs: number | null;
  startedAtMs: number | null;
  /** Compute threads that it is on; 0 before it is started. */
  width: number;
}

/** A block being fetched. `sentAtMs` is null while it waits for its turn or for its next attempt at `retryAtMs`. */
export interface Fetch {
  block: number;
  attempt: number;
  sentAtMs: number | null;
  retryAtMs: number;
}

export interface RunState {
  offer: RunOffer;
  /** The highest fence seen; at least the offer's. */
  fence: number;
  /** Subscribed to the run's tasks and weights. */
  joined: boolean;
  tasksPaused: 'no' | 'pausing' | 'paused';
  /** Versions of the weights in memory under this fence, ascending: the newest, and of those before it what a task may still want. */
  versions: readonly number[];
  tasks: readonly HeldTask[];
  fetches: readonly Fetch[];
  /** When something last came from the coordinator; −∞ after the link was down. */
  heardAtMs: number;
  heartbeatAtMs: number;
  /** When to say `ready` next; ∞ while nothing is wanted. */
  readyAtMs: number;
  helloAtMs: number;
}

export type Stage =
  | { type: 'lobby'; helloAtMs: number }
  | { type: 'run'; run: RunState }
  /** The run's queues and threads are being taken down. */
  | { type: 'leaving'; run: string; next: 'lobby' | 'done'; helloAfterMs: number }
  | { type: 'done' };

export interface WorkerState {
  settings: WorkerSettings;
  link: 'up' | 'down';
  stage: Stage;
  /** Why this worker is draining, if it is. */
  draining: string | null;
  /** Runs that came to their end while this worker was in them. */
  runs: number;
  /** Images in confirmed results. */
  images: number;
  /** What the user was told already: each reason once. */
  reported: readonly string[];
}

export function initialState(settings: WorkerSettings): WorkerState {
  return {
    settings,
    link: 'up',
    stage: { type: 'lobby', helloAtMs: Number.NEGATIVE_INFINITY },
    draining: null,
    runs: 0,
    images: 0,
    reported: [],
  };
}

export function isRun(state: WorkerState, run: string): boolean {
  return state.stage.type === 'run' && state.stage.run.offer.run === run;
}

export function changeRun(state: WorkerState, change: (run: RunState) => RunState): WorkerState {
  if (state.stage.type !== 'run') return state;
  return { ...state, stage: { type: 'run', run: change(state.stage.run) } };
}

/** Older ones are of no more use, and neither is a task that wants them; −∞ while there are none. */
export function oldestWanted({ versions, offer }: RunState): number {
  return (versions.at(-1) ?? Number.NEGATIVE_INFINITY) - offer.staleness;
}

/** Whether the run wants it computed on the newest weights, whichever it names. */
export const takesNewest = ({ offer }: Pick<RunState, 'offer'>, { mode }: Pick<Task, 'mode'>): boolean =>
  offer.newestWeights && mode === 'train';

/** The weights to compute a task on; null while they are not here. */
export function weightsFor(run: RunState, task: Task): number | null {
  const version = takesNewest(run, task) ? run.versions.at(-1) : task.weightsVersion;
  const isHere = version !== undefined && version >= task.weightsVersion && run.versions.includes(version);
  return isHere ? version : null;
}

/** Tasks that this worker still has to answer for. */
export function inHand(run: RunState): HeldTask[] {
  return run.tasks.filter((held) => held.phase !== 'abandoned');
}

/** True if the coordinator has said nothing for long while it could have given us work. */
export function isSilent(run: RunState, silentMs: number, nowMs: number): boolean {
  return run.joined && run.tasks.length === 0 && nowMs - run.heardAtMs >= silentMs;
}
