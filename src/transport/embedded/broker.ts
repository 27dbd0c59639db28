import type {
  RangeSum,
  Result,
  Task,
  ToCoordinator,
  ToReducer,
  ToWorker,
  Weights,
} from '../../protocol/index.js';
import type { Listeners } from '../listeners.js';
import type { LinkState } from '../transport.js';
import { MessageQueue } from './queue.js';

export interface Quarantined {
  task: Task;
  reason: string;
}

/** What a run has on the broker: as in `runTopology`, without the names. */
export interface EmbeddedRun {
  /** The lock: null while no coordinator is there. */
  coordinatorInbox: MessageQueue<ToCoordinator> | null;
  tasks: MessageQueue<Task>;
  results: MessageQueue<Result | RangeSum>;
  dead: Quarantined[];
  /** Queues of the reducers that hold each range, by name. */
  ranges: Map<number, Map<string, MessageQueue<ToReducer>>>;
  /** Weights queue and inbox of every worker that has joined. */
  members: Map<string, { weights: MessageQueue<Weights>; inbox: MessageQueue<ToWorker | Weights | Task> }>;
}

/** The place of the broker in one process. */
export interface EmbeddedBroker {
  runs: Map<string, EmbeddedRun>;
  /** Inboxes of all workers: the lobby. */
  workers: Map<string, MessageQueue<ToWorker | Weights | Task>>;
  reducers: Map<string, MessageQueue<ToReducer>>;
}

export function createEmbeddedBroker(): EmbeddedBroker {
  return { runs: new Map(), workers: new Map(), reducers: new Map() };
}

export function createRun(): EmbeddedRun {
  return {
    coordinatorInbox: null,
    tasks: new MessageQueue(),
    results: new MessageQueue(),
    dead: [],
    ranges: new Map(),
    members: new Map(),
  };
}

export function tellRunGone(listeners: Listeners<LinkState>, run: string): void {
  listeners.tell({ type: 'run_gone', run, reason: 'its coordinator ended it' });
}
