import {
  coordinatorsExchange,
  decodeToWorker,
  encode,
  type Message,
  runTopology,
  sharedKeys,
  type Task,
  type ToWorker,
  type Weights,
  workerInbox,
} from '../../protocol/index.js';
import { BrokerError, RunGoneError } from '../errors.js';
import { createLinkEvents } from '../listeners.js';
import type { WorkerLink } from '../transport.js';
import type { BrokerAddress } from './address.js';
import { subscribe } from './consumer.js';
import { declareWorker } from './declarations.js';
import { decoding, surely } from './incoming.js';
import { createMembership, type Membership } from './membership.js';
import type { ResolvedOptions } from './options.js';
import { partCount } from './parts.js';
import { ReturnedError } from './publisher.js';
import { orLinkDown, ReconnectingSession, type Session } from './session.js';

const inboxPrefetch = 16;
/** Weights are this much larger on the wire than their values, at most. */
const envelopeBytes = 1_024;

/** BrokerError if the broker cannot be used, or has a worker of this name. */
export async function openRabbitWorker(
  address: BrokerAddress,
  options: ResolvedOptions,
  worker: string,
): Promise<WorkerLink> {
  const events = createLinkEvents();
  /** From the offers: how large the weights of a run are. */
  const parameterCounts = new Map<string, number>();
  let handler: ((message: ToWorker) => void) | null = null;
  let membership: Membership | null = null;

  const received = async (message: ToWorker | Weights | Task) => {
    if (message.type === 'task')
      return membership?.run === message.run ? membership.takeTask(message) : 'ack';
    if (message.type === 'weights') {
      return membership?.run === message.run ? membership.takeWeights(message) : 'ack';
    }
    if (message.type === 'offer') parameterCounts.set(message.run, message.parameterCount);
    return surely(() => handler?.(message));
  };

  const consumeInbox = async (session: Session): Promise<void> => {
    await subscribe(session.consuming, {
      queue: workerInbox(worker),
      prefetch: inboxPrefetch,
      timers: options.timers,
      opened: session.opened,
      handle: decoding(events, decodeToWorker, received),
      onMalformed: events.malformed.tell,
      onCancelled: () => session.fail('the inbox was deleted'),
      onClosed: () => session.fail('a consuming channel was closed'),
    });
  };

  const gone = (run: string): void => {
    if (membership?.run !== run) return;
    const left = membership;
    membership = null;
    void left.leave(sessions.peek());
    events.state.tell({ type: 'run_gone', run, reason: 'its queues are no longer on the broker' });
  };

  const sessions = new ReconnectingSession({
    address,
    options,
    events,
    onLocked: () =>
      new BrokerError(
        `RabbitMQ at ${address.place} already has a worker named ${worker}. Give this one another name.`,
      ),
    setup: async (session) => {
      await declareWorker(session.consuming, session.control, worker);
      if (handler !== null) await consumeInbox(session);
      if (membership !== null && !(await membership.attach(session))) gone(membership.run);
    },
  });
  await sessions.start();

  const leave = async (): Promise<void> => {
    const left = membership;
    membership = null;
    await left?.leave(sessions.peek());
  };

  const publish = async (
    exchange: string,
    routingKey: string,
    message: Message,
    route: { persistent: boolean; gone: (() => RunGoneError) | null },
  ): Promise<void> => {
    const bytes = encode(message);
    const { publisher } = sessions.get();
    events.traffic.tell({ direction: 'out', type: message.type, sizeBytes: bytes.length });
    const { persistent, gone: unroutable } = route;
    const published = { type: message.type, persistent, mandatory: unroutable !== null };
    try {
      await publisher.publish(exchange, routingKey, bytes, published);
    } catch (error) {
      throw error instanceof ReturnedError && unroutable !== null ? unroutable() : error;
    }
  };

  return {
    hello: (hello) =>
      publish(coordinatorsExchange, sharedKeys.hello, hello, { persistent: false, gone: null }),
    receive: async (given) => {
      handler = given;
      await orLinkDown(consumeInbox(sessions.get()));
    },
    joinRun: async (run, joined) => {
      await leave();
      const session = sessions.get();
      const weightsBytes = 4 * (parameterCounts.get(run) ?? 0) + envelopeBytes;
      const joining = createMembership({
        worker,
        run,
        joined,
        timers: options.timers,
        weightsMessages: (joined.weightsKept ?? 1) * partCount(weightsBytes),
        events,
        onGone: () => gone(run),
      });
      // Before the queues are consumed: their messages may come at once.
      membership = joining;
      try {
        if (await orLinkDown(joining.attach(session))) return;
      } catch (error) {
        if (membership === joining) membership = null;
        throw error;
      }
      membership = null;
      throw new RunGoneError(run, 'its queues are not on the broker.');
    },
    pauseTasks: async () => membership?.pause(),
    leaveRun: leave,
    send: (run, message) => {
      const away = () => new RunGoneError(run, 'no coordinator is listening at the moment.');
      const { inboxKey } = runTopology(run);
      return publish(coordinatorsExchange, inboxKey, message, { persistent: false, gone: away });
    },
    publishResult: (result) => {
      const away = () => new RunGoneError(result.run, 'its result queue is no longer on the broker.');
      const { resultsKey } = runTopology(result.run);
      return publish(coordinatorsExchange, resultsKey, result, { persistent: false, gone: away });
    },
    publishSegment: (segment) => {
      const key = runTopology(segment.run).segmentsKey(segment.range);
      return publish(coordinatorsExchange, key, segment, { persistent: false, gone: null });
    },
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    close: async () => {
      membership = null;
      await sessions.close();
    },
  };
}
