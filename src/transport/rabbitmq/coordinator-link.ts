import {
  decodeToCoordinator,
  encode,
  lobbyExchange,
  type Message,
  observerInbox,
  reducerInbox,
  runTopology,
  sharedKeys,
  workerInbox,
} from '../../protocol/index.js';
import { LinkDownError, RunGoneError, RunTakenError } from '../errors.js';
import { createLinkEvents, throwLater } from '../listeners.js';
import type { CoordinatorLink } from '../transport.js';
import type { AckLimits } from './acks.js';
import type { BrokerAddress } from './address.js';
import { type Subscription, subscribe } from './consumer.js';
import { declareRun, deleteRun } from './declarations.js';
import { decoding } from './incoming.js';
import type { ResolvedOptions } from './options.js';
import { ReturnedError } from './publisher.js';
import { orLinkDown, ReconnectingSession, type Session } from './session.js';

type Handler = Parameters<CoordinatorLink['receive']>[0];

/** Messages in hand at a time: small ones, and results, which may be megabytes each. */
const inboxPrefetch = 64;
const resultsPrefetch = 16;
/** Every ack costs both sides as much as a small message, and the broker may keep a megabyte for a moment. */
const resultsAcks: AckLimits = { messages: 8, bytes: 1024 * 1024, afterMs: 20 };

/** Becomes the coordinator of the run. RunTakenError if there is one, BrokerError if the broker cannot be used. */
export async function openRabbitCoordinator(
  address: BrokerAddress,
  options: ResolvedOptions,
  run: string,
): Promise<CoordinatorLink> {
  const names = runTopology(run);
  const events = createLinkEvents();
  let handler: Handler | null = null;
  let subscriptions: Subscription[] = [];
  let deleted = false;

  const handle = decoding(events, decodeToCoordinator, async (message, delivery) => {
    if (handler === null) return 'requeue';
    try {
      return await handler(message, delivery);
    } catch (error) {
      throwLater(error);
      return 'discard';
    }
  });

  const consume = async (session: Session): Promise<void> => {
    const common = {
      opened: session.opened,
      timers: options.timers,
      handle,
      onMalformed: events.malformed.tell,
      onCancelled: () => session.fail('a queue of the run was deleted'),
      onClosed: () => session.fail('a consuming channel was closed'),
    };
    subscriptions = [
      await subscribe(session.consuming, {
        ...common,
        queue: names.coordinatorInbox,
        prefetch: inboxPrefetch,
      }),
      await subscribe(session.consuming, {
        ...common,
        queue: names.results,
        prefetch: resultsPrefetch,
        acks: resultsAcks,
      }),
    ];
  };

  const sessions = new ReconnectingSession({
    address,
    options,
    events,
    onLocked: () => new RunTakenError(run),
    setup: async (session) => {
      if (deleted) return;
      await declareRun(session.consuming, session.control, names);
      if (handler !== null) await consume(session);
    },
  });
  await sessions.start();

  /** Of messages that go to one worker after the other as they are: offers, weights, data blocks. */
  const sentBefore = new WeakMap<Message, Uint8Array>();
  const encodeOnce = (message: Message): Uint8Array => {
    const bytes = sentBefore.get(message) ?? encode(message);
    sentBefore.set(message, bytes);
    return bytes;
  };

  const publish = async (
    exchange: string,
    routingKey: string,
    message: Message,
    { persistent = false, mandatory = false, encoder = encode } = {},
  ): Promise<void> => {
    if (deleted) throw new LinkDownError(`Run ${run} was deleted.`);
    const bytes = encoder(message);
    const { publisher } = sessions.get();
    events.traffic.tell({ direction: 'out', type: message.type, sizeBytes: bytes.length });
    try {
      await publisher.publish(exchange, routingKey, bytes, { type: message.type, persistent, mandatory });
    } catch (error) {
      if (error instanceof ReturnedError)
        throw new RunGoneError(run, 'its queue is no longer on the broker.');
      throw error;
    }
  };

  return {
    publishTask: (task) => publish('', names.tasks, task, { mandatory: true }),
    broadcastWeights: (weights) => publish(names.weightsExchange, '', weights, { encoder: encodeOnce }),
    announce: () => publish(lobbyExchange, sharedKeys.announce, { type: 'announce', run }),
    send: (worker, message) => publish('', workerInbox(worker), message, { encoder: encodeOnce }),
    sendTask: (worker, task) => publish('', workerInbox(worker), task),
    sendToReducer: async (reducer, message) => {
      try {
        await publish('', reducerInbox(reducer), message, { mandatory: true });
        return true;
      } catch (error) {
        if (error instanceof RunGoneError) return false;
        throw error;
      }
    },
    answer: (observer, report) => publish('', observerInbox(observer), report),
    broadcast: (message) => publish(names.broadcastExchange, '', message),
    purgeTasks: async () => {
      const { control } = sessions.get();
      await orLinkDown(control.purgeQueue(names.tasks));
    },
    quarantineTask: async (task, reason) => {
      const { publisher } = sessions.get();
      const kept = { type: 'task', persistent: true, mandatory: true, reason };
      await publisher.publish('', names.dead, encode(task), kept);
    },
    receive: async (given) => {
      handler = given;
      await orLinkDown(consume(sessions.get()));
    },
    onState: events.state.add,
    onMalformed: events.malformed.add,
    onTraffic: events.traffic.add,
    deleteRun: async () => {
      const { control } = sessions.get();
      deleted = true;
      for (const subscription of subscriptions.splice(0)) await subscription.close();
      await orLinkDown(deleteRun(control, names));
    },
    close: () => sessions.close(),
  };
}
