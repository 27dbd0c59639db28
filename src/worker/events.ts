import type { BlockResponse, ParameterRange, RunOffer, Task, ToWorker } from '../protocol/index.js';

/** What can happen to a worker. Tensors stay with the performer: events carry their names and sizes. */
export type WorkerEvent =
  /** Time has passed; `nextWakeMs` says when this is due. */
  | { type: 'tick' }
  | { type: 'link_up' }
  | { type: 'link_down'; reason: string }
  /** The run's queues are no longer on the broker. */
  | { type: 'run_gone'; run: string; reason: string }
  | { type: 'message'; message: Exclude<ToWorker, BlockResponse> }
  | { type: 'joined'; run: string }
  /** `passing`: the link or the run went away in the meantime, which is nobody's fault. */
  | { type: 'join_failed'; run: string; reason: string; passing: boolean }
  | { type: 'left'; run: string }
  /** No further task will be delivered. */
  | { type: 'paused'; run: string }
  | { type: 'weights'; run: string; fence: number; version: number; parameterCount: number }
  /** `missing`: the blocks with samples of this task that are not in the block store. */
  | { type: 'task'; delivery: number; task: Task; missing: readonly number[] }
  | { type: 'block_stored'; run: string; block: number }
  | { type: 'block_failed'; run: string; block: number; reason: string }
  /** The thread is free again; the result, if there is one, is with the performer. */
  | { type: 'computed'; delivery: number }
  /** The thread is free again, for want of a block that was in the store when the task came. */
  | { type: 'block_missing'; delivery: number; block: number }
  | { type: 'compute_failed'; delivery: number; reason: string }
  /** The broker confirmed the result. */
  | { type: 'published'; delivery: number }
  /** The result cannot be sent at all, as opposed to "not now". */
  | { type: 'publish_failed'; delivery: number; reason: string }
  | { type: 'failure_sent'; delivery: number }
  | { type: 'drain'; reason: string };

/** What the decider wants done, in this order. */
export type WorkerAction =
  | { type: 'hello' }
  | { type: 'join'; offer: RunOffer }
  /** Close the threads, unsubscribe; `left` follows whatever happens. */
  | { type: 'leave'; run: string }
  | { type: 'ready'; run: string; fence: number }
  | { type: 'heartbeat'; run: string; fence: number; nodes: number[]; steps: number[]; images: number }
  | { type: 'goodbye'; run: string; reason: string }
  | { type: 'pause_tasks'; run: string }
  /** Take the weights that came with the event at hand; of the others, none but these versions are of any more use. */
  | { type: 'keep_weights'; version: number; versions: readonly number[] }
  | { type: 'request_block'; run: string; block: number }
  /** `width`: on so many threads, a power of two. */
  | { type: 'compute'; delivery: number; task: Task; width: number }
  /** Tell its threads to stop after its microshard. */
  | { type: 'abandon'; delivery: number }
  | {
      type: 'publish';
      delivery: number;
      task: Task;
      takenAtMs: number;
      fetchMs: number;
      waitMs: number;
      /** What a training gradient is cut into, for reducers; none: it is sent whole. */
      ranges: readonly ParameterRange[];
    }
  | { type: 'send_failure'; delivery: number; task: Task; reason: string }
  | { type: 'settle'; delivery: number; verdict: 'ack' | 'requeue' }
  /** The channel of this delivery is gone: no verdict can reach the broker any more. */
  | { type: 'forget'; delivery: number }
  | { type: 'report'; level: 'info' | 'warn' | 'error'; message: string }
  | { type: 'finish' };
