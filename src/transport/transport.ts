import type {
  BlockRequest,
  Goodbye,
  Heartbeat,
  Hello,
  RangeHeld,
  RangeReleased,
  RangeSum,
  Ready,
  ReducerHello,
  Result,
  Segment,
  StatusReport,
  Task,
  TaskFailed,
  ToCoordinator,
  ToReducer,
  ToWorker,
  Weights,
} from '../protocol/index.js';

/** What a handler did with a message: done with it, give it to somebody (again), or drop it. */
export type Verdict = 'ack' | 'requeue' | 'discard';

/**
 * - `up`: connected again; everything is declared and consumed again. The first time is told by `open…` resolving.
 * - `down`: the connection is lost; what was unacked will be delivered again, sends reject with LinkDownError.
 * - `blocked`, `unblocked`: the broker is short of memory or disk and takes no messages; sends wait.
 * - `lost`: given up after `retryForMs`; the link will never be up again.
 * - `run_gone`: (workers) the run's queues are no longer on the broker; the link has left the run.
 */
export type LinkState =
  | { type: 'up' }
  | { type: 'down'; reason: string }
  | { type: 'blocked'; reason: string }
  | { type: 'unblocked' }
  | { type: 'lost'; error: Error }
  | { type: 'run_gone'; run: string; reason: string };

export interface Delivery {
  /** True if it was delivered before, to anybody. False proves nothing. */
  redelivered: boolean;
  /** Size on the wire; 0 where there is no wire. */
  sizeBytes: number;
}

export interface Traffic {
  direction: 'in' | 'out';
  type: string;
  sizeBytes: number;
}

export interface Transport {
  readonly name: 'rabbitmq' | 'embedded';
  /** Becomes the one coordinator of the run. RunTakenError if there is one already. */
  openCoordinator(options: { run: string; fence: number }): Promise<CoordinatorLink>;
  openWorker(options: { worker: string }): Promise<WorkerLink>;
  openReducer(options: { reducer: string }): Promise<ReducerLink>;
  /** Closes every link that is still open. */
  close(): Promise<void>;
}

/**
 * Every promise of a send resolves once the broker has taken the message over, and rejects with LinkDownError if
 * the link is down or goes down before that: then the message may or may not have arrived.
 */
export interface CoordinatorLink {
  publishTask(task: Task): Promise<void>;
  /** To all workers that have joined. A worker that is slow gets only the newest. */
  broadcastWeights(weights: Weights): Promise<void>;
  /** To all workers and reducers in the lobby: say hello. */
  announce(): Promise<void>;
  /** To one worker's inbox. Resolves quietly if that worker is gone: its absence is for heartbeats to tell. */
  send(worker: string, message: ToWorker | Weights): Promise<void>;
  /**
   * A task past the queue, to this worker and nobody else. Nobody gives it back: if the worker is gone, or goes, it is lost,
   * and it is for the coordinator to notice.
   */
  sendTask(worker: string, task: Task): Promise<void>;
  /** To one reducer's queue, behind the segments that are there already. false if there is none of that name. */
  sendToReducer(reducer: string, message: ToReducer): Promise<boolean>;
  /** To the inboxes of all workers that have joined, and of all reducers that hold a range. */
  broadcast(message: ToWorker): Promise<void>;
  /** To somebody who asked. Resolves quietly if nobody waits for it any more. */
  answer(observer: string, report: StatusReport): Promise<void>;
  /** Drops the tasks that nobody has taken yet. */
  purgeTasks(): Promise<void>;
  /** Keeps a task that nobody can compute where an operator can look at it. */
  quarantineTask(task: Task, reason: string): Promise<void>;
  /** Call once. Malformed messages never reach the handler: they are acked and told to `onMalformed`. */
  receive(handler: (message: ToCoordinator, delivery: Delivery) => Verdict | Promise<Verdict>): Promise<void>;
  onState(listener: (state: LinkState) => void): void;
  onMalformed(listener: (reason: string) => void): void;
  onTraffic(listener: (traffic: Traffic) => void): void;
  /** The orderly end: nothing of the run is left on the broker. Quarantined tasks go with it. */
  deleteRun(): Promise<void>;
  close(): Promise<void>;
}

/** Looks at a broker from outside of every run: what `onko status` and `onko drain` need. */
export interface ObserverLink {
  /** What the coordinators that are there answer within `waitMs`; sooner once they have all had their say. */
  askStatus(waitMs: number): Promise<StatusReport[]>;
  /** Asks a worker to finish and leave. false if there is none of that name. */
  drain(worker: string, reason: string): Promise<boolean>;
  hasWorker(worker: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface WorkerLink {
  /** To every coordinator that is there. */
  hello(hello: Hello): Promise<void>;
  /** The inbox. Call once, before `hello`. */
  receive(handler: (message: ToWorker) => void): Promise<void>;
  /**
   * Takes tasks (at most `prefetch` at a time) and weights of the run. A task is acked, given back or dropped when
   * its promise resolves with the verdict; one that rejects is given back. RunGoneError if there is no such run.
   * Weights and tasks for a single worker (`CoordinatorLink.send`, `sendTask`) arrive here too; the verdict on such a task
   * has no effect. While a `weights` promise is pending, only
   * the newest `weightsKept` (1) of those that follow are kept.
   */
  joinRun(
    run: string,
    options: {
      prefetch: number;
      task: (task: Task, delivery: Delivery) => Promise<Verdict>;
      weights: (weights: Weights) => void | Promise<void>;
      weightsKept?: number;
    },
  ): Promise<void>;
  /**
   * Takes no more tasks (drain): those that were not handed to `task` yet go back. Those handed over end with their
   * verdict: answer 'requeue' for what has not been started.
   */
  pauseTasks(): Promise<void>;
  leaveRun(): Promise<void>;
  /** To the coordinator of the run. RunGoneError if none is listening at the moment. */
  send(run: string, message: Ready | Heartbeat | TaskFailed | Goodbye | BlockRequest): Promise<void>;
  /** Ack the task after this has resolved. RunGoneError if the run is no longer on the broker. */
  publishResult(result: Result): Promise<void>;
  /**
   * To the reducer that holds its range; lost if there is none. Segments, and the result that follows, are with their queues in the
   * order of the calls: who has the result can rely on the segments being there.
   */
  publishSegment(segment: Segment): Promise<void>;
  onState(listener: (state: LinkState) => void): void;
  onMalformed(listener: (reason: string) => void): void;
  onTraffic(listener: (traffic: Traffic) => void): void;
  close(): Promise<void>;
}

export interface ReducerLink {
  /** To every coordinator that is there. */
  hello(hello: ReducerHello): Promise<void>;
  /**
   * The queue: what coordinators say, and the segments of the range that was joined, in one order. Call once, before `hello`. The next
   * message comes when the handler is done with the one before.
   */
  receive(handler: (message: ToReducer, delivery: Delivery) => void): Promise<void>;
  /** Takes the segments of this range from now on, also after the link was down; leaves the one before. */
  joinRange(run: string, range: number): Promise<void>;
  leaveRange(): Promise<void>;
  /** To the coordinator of the run. RunGoneError if none is listening at the moment. */
  send(run: string, message: RangeHeld | RangeReleased): Promise<void>;
  /** To the results of the run. RunGoneError if the run is no longer there. */
  publishSum(sum: RangeSum): Promise<void>;
  onState(listener: (state: LinkState) => void): void;
  onMalformed(listener: (reason: string) => void): void;
  onTraffic(listener: (traffic: Traffic) => void): void;
  close(): Promise<void>;
}
