import { decodeTask, decodeWeights, runTopology, type Task, type Weights } from '../../protocol/index.js';
import type { LinkEvents } from '../listeners.js';
import { throwLater } from '../listeners.js';
import type { Timers } from '../timers.js';
import type { Verdict, WorkerLink } from '../transport.js';
import { type ConsumerOptions, type Subscription, subscribe } from './consumer.js';
import { joinRun, leaveRun } from './declarations.js';
import { decoding, surely } from './incoming.js';
import type { Session } from './session.js';

export interface MembershipOptions {
  worker: string;
  run: string;
  joined: Parameters<WorkerLink['joinRun']>[1];
  /** AMQP messages that its sets of weights take. */
  weightsMessages: number;
  events: LinkEvents;
  timers: Timers;
  /** The run's queues were deleted. */
  onGone: () => void;
}

/** A worker's part in one run, over as many sessions as it takes. */
export interface Membership {
  readonly run: string;
  /** Binds and consumes in a new session. false if the run is no longer there. */
  attach(session: Session): Promise<boolean>;
  /** Weights that came by the inbox. */
  takeWeights(weights: Weights): Promise<Verdict>;
  /** A task that came by the inbox. */
  takeTask(task: Task): Verdict;
  pause(): Promise<void>;
  /** Tasks in hand go back. `session` is the current one, if there is one. */
  leave(session: Session | null): Promise<void>;
}

export function createMembership(options: MembershipOptions): Membership {
  const { worker, run, joined, events, onGone } = options;
  const names = runTopology(run);
  let paused = false;
  let tasks: Subscription | null = null;
  let weights: Subscription | null = null;

  const takeWeights = (message: Weights): Promise<Verdict> => surely(() => joined.weights(message));

  return {
    run,
    takeWeights,
    takeTask: (task) => {
      // The inbox goes on: whatever becomes of the task, nobody else could have it.
      joined.task(task, { redelivered: false, sizeBytes: 0 }).catch(throwLater);
      return 'ack';
    },
    attach: async (session) => {
      if (!(await joinRun(session.consuming, names, worker, options.weightsMessages))) return false;
      const common = {
        opened: session.opened,
        timers: options.timers,
        onMalformed: events.malformed.tell,
        onCancelled: onGone,
        onClosed: () => session.fail('a consuming channel was closed'),
      };
      const forWeights: ConsumerOptions = {
        ...common,
        queue: names.weightsQueue(worker),
        prefetch: 1,
        handle: decoding(events, decodeWeights, takeWeights),
      };
      const forTasks: ConsumerOptions = {
        ...common,
        queue: names.tasks,
        prefetch: joined.prefetch,
        handle: decoding(events, decodeTask, joined.task),
      };
      weights = await subscribe(session.consuming, forWeights);
      tasks = paused ? null : await subscribe(session.consuming, forTasks);
      return true;
    },
    pause: async () => {
      paused = true;
      await tasks?.pause();
    },
    leave: async (session) => {
      await tasks?.close();
      await weights?.close();
      // Without a session the queues went with the connection.
      if (session !== null) await leaveRun(session.control, names, worker).catch(() => undefined);
    },
  };
}
