import type { ToCoordinator } from '../../protocol/index.js';
import { LinkDownError, RunTakenError } from '../errors.js';
import { createLinkEvents, throwLater } from '../listeners.js';
import type { CoordinatorLink, Delivery, Verdict } from '../transport.js';
import { createRun, type EmbeddedBroker } from './broker.js';
import { type Consumer, MessageQueue } from './queue.js';

/** Messages given to the handler before it has answered. */
const prefetch = 64;

/** Becomes the coordinator of the run. RunTakenError if there is one. */
export function openEmbeddedCoordinator(broker: EmbeddedBroker, runName: string): CoordinatorLink {
  const run = broker.runs.get(runName) ?? createRun();
  if (run.coordinatorInbox !== null) throw new RunTakenError(runName);
  const inbox = new MessageQueue<ToCoordinator>();
  run.coordinatorInbox = inbox;
  broker.runs.set(runName, run);
  const events = createLinkEvents();
  const consumers: Consumer[] = [];
  let open = true;

  /** Every send: only while open, and told to the traffic listeners. */
  const sending = async (type: string, deliver: () => void): Promise<void> => {
    if (!open) throw new LinkDownError('This link is closed.');
    events.traffic.tell({ direction: 'out', type, sizeBytes: 0 });
    deliver();
  };

  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    for (const consumer of consumers) consumer.close();
    inbox.delete();
    run.coordinatorInbox = null;
  };

  return {
    publishTask: (task) => sending(task.type, () => run.tasks.push(task)),
    broadcastWeights: (weights) =>
      sending(weights.type, () => {
        for (const member of run.members.values()) member.weights.push(weights);
      }),
    announce: () =>
      sending('announce', () => {
        const call = { type: 'announce', run: runName } as const;
        for (const other of [...broker.workers.values(), ...broker.reducers.values()]) other.push(call);
      }),
    send: (worker, message) => sending(message.type, () => broker.workers.get(worker)?.push(message)),
    sendTask: (worker, task) => sending(task.type, () => broker.workers.get(worker)?.push(task)),
    sendToReducer: async (reducer, message) => {
      const queue = broker.reducers.get(reducer);
      await sending(message.type, () => queue?.push(message));
      return queue !== undefined;
    },
    // Within one process nobody asks from outside.
    answer: (_observer, report) => sending(report.type, () => undefined),
    broadcast: (message) =>
      sending(message.type, () => {
        for (const member of run.members.values()) member.inbox.push(message);
        if (message.type !== 'end_of_run') return;
        for (const holders of run.ranges.values()) for (const queue of holders.values()) queue.push(message);
      }),
    purgeTasks: () => sending('purge', () => run.tasks.purge()),
    quarantineTask: (task, reason) => sending(task.type, () => void run.dead.push({ task, reason })),
    receive: async (handler) => {
      const handle = async (message: ToCoordinator, redelivered: boolean): Promise<Verdict> => {
        const delivery: Delivery = { redelivered, sizeBytes: 0 };
        events.traffic.tell({ direction: 'in', type: message.type, sizeBytes: 0 });
        try {
          return await handler(message, delivery);
        } catch (error) {
          throwLater(error);
          return 'discard';
        }
      };
      consumers.push(inbox.consume({ prefetch, handle }));
      consumers.push(run.results.consume({ prefetch, handle }));
    },
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    deleteRun: async () => {
      if (!open) throw new LinkDownError('This link is closed.');
      for (const consumer of consumers.splice(0)) consumer.close();
      broker.runs.delete(runName);
      run.tasks.delete();
      run.results.delete();
      for (const member of run.members.values()) member.weights.delete();
      run.members.clear();
    },
    close,
  };
}
