import type { Message, Task, ToCoordinator, ToWorker, Weights } from '../../protocol/index.js';
import { BrokerError, LinkDownError, RunGoneError } from '../errors.js';
import { createLinkEvents, throwLater } from '../listeners.js';
import type { Verdict, WorkerLink } from '../transport.js';
import { type EmbeddedBroker, tellRunGone } from './broker.js';
import { type Consumer, MessageQueue } from './queue.js';

interface Membership {
  run: string;
  tasks: Consumer;
  weights: Consumer;
  takeWeights: (weights: Weights) => Promise<void>;
  takeTask: (task: Task) => void;
}

/** BrokerError if there is a worker of this name. */
export function openEmbeddedWorker(broker: EmbeddedBroker, worker: string): WorkerLink {
  if (broker.workers.has(worker)) {
    throw new BrokerError(`There is already a worker named ${worker}. Give this one another name.`);
  }
  const inbox = new MessageQueue<ToWorker | Weights | Task>();
  broker.workers.set(worker, inbox);
  const events = createLinkEvents();
  let inboxConsumer: Consumer | null = null;
  let membership: Membership | null = null;
  let open = true;

  const received = (message: Message): void => {
    events.traffic.tell({ direction: 'in', type: message.type, sizeBytes: 0 });
  };

  const sending = async (message: Message, deliver: () => void): Promise<void> => {
    if (!open) throw new LinkDownError('This link is closed.');
    events.traffic.tell({ direction: 'out', type: message.type, sizeBytes: 0 });
    deliver();
  };

  const toCoordinator = (run: string, message: ToCoordinator): Promise<void> =>
    sending(message, () => {
      const coordinator = broker.runs.get(run)?.coordinatorInbox;
      if (coordinator === null || coordinator === undefined) {
        throw new RunGoneError(run, 'no coordinator is listening.');
      }
      coordinator.push(message);
    });

  const leave = (): void => {
    if (membership === null) return;
    const { run, tasks, weights } = membership;
    membership = null;
    broker.runs.get(run)?.members.delete(worker);
    tasks.close();
    weights.close();
  };

  return {
    hello: (hello) =>
      sending(hello, () => {
        for (const run of broker.runs.values()) run.coordinatorInbox?.push(hello);
      }),

    receive: async (handler) => {
      const handle = async (message: ToWorker | Weights | Task): Promise<Verdict> => {
        received(message);
        try {
          if (message.type === 'task') {
            if (membership?.run === message.run) membership.takeTask(message);
          } else if (message.type !== 'weights') handler(message);
          else if (membership?.run === message.run) await membership.takeWeights(message);
        } catch (error) {
          throwLater(error);
        }
        return 'ack';
      };
      inboxConsumer = inbox.consume({ prefetch: 1, handle });
    },

    joinRun: async (runName, options) => {
      if (!open) throw new LinkDownError('This link is closed.');
      const run = broker.runs.get(runName);
      if (run === undefined) throw new RunGoneError(runName, 'it is no longer there.');
      leave();
      const newest = new MessageQueue<Weights>(options.weightsKept ?? 1);
      const takeWeights = async (weights: Weights): Promise<void> => {
        try {
          await options.weights(weights);
        } catch (error) {
          throwLater(error);
        }
      };
      run.members.set(worker, { weights: newest, inbox });
      membership = {
        run: runName,
        takeWeights,
        takeTask: (task) => void options.task(task, { redelivered: false, sizeBytes: 0 }).catch(throwLater),
        weights: newest.consume({
          prefetch: 1,
          handle: async (weights) => {
            received(weights);
            await takeWeights(weights);
            return 'ack';
          },
        }),
        tasks: run.tasks.consume({
          prefetch: options.prefetch,
          handle: (task: Task, redelivered) => {
            received(task);
            return options.task(task, { redelivered, sizeBytes: 0 });
          },
          onDeleted: () => {
            leave();
            tellRunGone(events.state, runName);
          },
        }),
      };
    },

    pauseTasks: async () => membership?.tasks.cancel(),
    leaveRun: async () => leave(),
    send: toCoordinator,
    publishResult: (result) =>
      sending(result, () => {
        const run = broker.runs.get(result.run);
        if (run === undefined) throw new RunGoneError(result.run, 'it is no longer there.');
        run.results.push(result);
      }),
    publishSegment: (segment) =>
      sending(segment, () => {
        const holders = broker.runs.get(segment.run)?.ranges.get(segment.range);
        for (const queue of holders?.values() ?? []) queue.push(segment);
      }),
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    close: async () => {
      if (!open) return;
      open = false;
      leave();
      inboxConsumer?.close();
      inbox.delete();
      broker.workers.delete(worker);
    },
  };
}
