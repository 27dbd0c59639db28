import type { Message, ToCoordinator, ToReducer } from '../../protocol/index.js';
import { BrokerError, LinkDownError, RunGoneError } from '../errors.js';
import { createLinkEvents, throwLater } from '../listeners.js';
import type { ReducerLink } from '../transport.js';
import type { EmbeddedBroker } from './broker.js';
import { type Consumer, MessageQueue } from './queue.js';

/** BrokerError if there is a reducer of this name. */
export function openEmbeddedReducer(broker: EmbeddedBroker, reducer: string): ReducerLink {
  if (broker.reducers.has(reducer)) {
    throw new BrokerError(`There is already a reducer named ${reducer}. Give this one another name.`);
  }
  const queue = new MessageQueue<ToReducer>();
  broker.reducers.set(reducer, queue);
  const events = createLinkEvents();
  let consumer: Consumer | null = null;
  let joined: { run: string; range: number } | null = null;
  let open = true;

  const sending = async (message: Message, deliver: () => void): Promise<void> => {
    if (!open) throw new LinkDownError('This link is closed.');
    events.traffic.tell({ direction: 'out', type: message.type, sizeBytes: 0 });
    deliver();
  };

  const leave = (): void => {
    if (joined === null) return;
    broker.runs.get(joined.run)?.ranges.get(joined.range)?.delete(reducer);
    joined = null;
  };

  return {
    hello: (hello) =>
      sending(hello, () => {
        for (const run of broker.runs.values()) run.coordinatorInbox?.push(hello);
      }),
    receive: async (handler) => {
      consumer = queue.consume({
        prefetch: 1,
        handle: async (message) => {
          events.traffic.tell({ direction: 'in', type: message.type, sizeBytes: 0 });
          try {
            handler(message, { redelivered: false, sizeBytes: 0 });
          } catch (error) {
            throwLater(error);
          }
          return 'ack';
        },
      });
    },
    joinRange: async (runName, range) => {
      if (!open) throw new LinkDownError('This link is closed.');
      const run = broker.runs.get(runName);
      if (run === undefined) throw new RunGoneError(runName, 'it is no longer there.');
      leave();
      const holders = run.ranges.get(range) ?? new Map<string, MessageQueue<ToReducer>>();
      run.ranges.set(range, holders.set(reducer, queue));
      joined = { run: runName, range };
    },
    leaveRange: async () => leave(),
    send: (run, message) =>
      sending(message, () => {
        const inbox: MessageQueue<ToCoordinator> | null | undefined = broker.runs.get(run)?.coordinatorInbox;
        if (inbox === null || inbox === undefined)
          throw new RunGoneError(run, 'no coordinator is listening.');
        inbox.push(message);
      }),
    publishSum: (sum) =>
      sending(sum, () => {
        const run = broker.runs.get(sum.run);
        if (run === undefined) throw new RunGoneError(sum.run, 'it is no longer there.');
        run.results.push(sum);
      }),
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    close: async () => {
      if (!open) return;
      open = false;
      leave();
      consumer?.close();
      queue.delete();
      broker.reducers.delete(reducer);
    },
  };
}
