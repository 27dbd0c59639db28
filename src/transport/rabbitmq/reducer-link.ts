import {
  coordinatorsExchange,
  decodeToReducer,
  encode,
  type Message,
  reducerInbox,
  runTopology,
  sharedKeys,
  type ToReducer,
} from '../../protocol/index.js';
import { BrokerError, RunGoneError } from '../errors.js';
import { createLinkEvents } from '../listeners.js';
import type { Delivery, ReducerLink } from '../transport.js';
import type { AckLimits } from './acks.js';
import type { BrokerAddress } from './address.js';
import { subscribe } from './consumer.js';
import { declareReducer, joinRange, leaveRange } from './declarations.js';
import { decoding, surely } from './incoming.js';
import type { ResolvedOptions } from './options.js';
import { ReturnedError } from './publisher.js';
import { orLinkDown, ReconnectingSession, type Session } from './session.js';

/** Messages in hand at a time; a segment may be megabytes. */
const prefetch = 16;
/** As for results, which segments stand for. */
const acks: AckLimits = { messages: 8, bytes: 1024 * 1024, afterMs: 20 };

/** BrokerError if the broker cannot be used, or has a reducer of this name. */
export async function openRabbitReducer(
  address: BrokerAddress,
  options: ResolvedOptions,
  reducer: string,
): Promise<ReducerLink> {
  const events = createLinkEvents();
  let handler: ((message: ToReducer, delivery: Delivery) => void) | null = null;
  let joined: { run: string; range: number } | null = null;

  const consume = async (session: Session): Promise<void> => {
    await subscribe(session.consuming, {
      queue: reducerInbox(reducer),
      prefetch,
      acks,
      timers: options.timers,
      opened: session.opened,
      handle: decoding(events, decodeToReducer, (message, delivery) =>
        surely(() => handler?.(message, delivery)),
      ),
      onMalformed: events.malformed.tell,
      onCancelled: () => session.fail('the queue was deleted'),
      onClosed: () => session.fail('a consuming channel was closed'),
    });
  };

  const sessions = new ReconnectingSession({
    address,
    options,
    events,
    onLocked: () =>
      new BrokerError(
        `RabbitMQ at ${address.place} already has a reducer named ${reducer}. Give this one another name.`,
      ),
    setup: async (session) => {
      await declareReducer(session.consuming, session.control, reducer);
      // A run that is gone is left: its coordinator, or another, will offer a range.
      if (joined !== null) {
        const { run, range } = joined;
        if (!(await joinRange(session.consuming, runTopology(run), reducer, range))) joined = null;
      }
      if (handler !== null) await consume(session);
    },
  });
  await sessions.start();

  const leave = async (): Promise<void> => {
    const left = joined;
    joined = null;
    const session = sessions.peek();
    if (left === null || session === null) return;
    await leaveRange(session.control, runTopology(left.run), reducer, left.range).catch(() => undefined);
  };

  const publish = async (key: string, message: Message, unroutable: RunGoneError | null): Promise<void> => {
    const bytes = encode(message);
    const { publisher } = sessions.get();
    events.traffic.tell({ direction: 'out', type: message.type, sizeBytes: bytes.length });
    const published = { type: message.type, persistent: false, mandatory: unroutable !== null };
    try {
      await publisher.publish(coordinatorsExchange, key, bytes, published);
    } catch (error) {
      throw error instanceof ReturnedError && unroutable !== null ? unroutable : error;
    }
  };

  return {
    hello: (hello) => publish(sharedKeys.hello, hello, null),
    receive: async (given) => {
      handler = given;
      await orLinkDown(consume(sessions.get()));
    },
    joinRange: async (run, range) => {
      await leave();
      const { consuming } = sessions.get();
      joined = { run, range };
      if (await orLinkDown(joinRange(consuming, runTopology(run), reducer, range))) return;
      joined = null;
      throw new RunGoneError(run, 'its exchanges are not on the broker.');
    },
    leaveRange: leave,
    send: (run, message) =>
      publish(
        runTopology(run).inboxKey,
        message,
        new RunGoneError(run, 'no coordinator is listening at the moment.'),
      ),
    publishSum: (sum) =>
      publish(
        runTopology(sum.run).resultsKey,
        sum,
        new RunGoneError(sum.run, 'its result queue is no longer on the broker.'),
      ),
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    close: () => sessions.close(),
  };
}
