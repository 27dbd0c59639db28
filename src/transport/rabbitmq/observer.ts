import type { ChannelModel } from 'amqplib';
import {
  decodeStatusReport,
  encode,
  lobbyExchange,
  observerInbox,
  ProtocolError,
  type StatusReport,
  sharedKeys,
  workerInbox,
} from '../../protocol/index.js';
import { BrokerError } from '../errors.js';
import { pauseFor } from '../timers.js';
import type { ObserverLink } from '../transport.js';
import { type BrokerAddress, parseBrokerUrl } from './address.js';
import {
  accessRefused,
  isAccessRefused,
  isNotFound,
  isResourceLocked,
  shortReason,
} from './connect-errors.js';
import { closeConnection, openConnection } from './connection.js';
import { declareShared } from './declarations.js';
import { type RabbitOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { createPublisher, ReturnedError } from './publisher.js';

/** After an answer, how long others may take that were asked at the same moment. */
const othersMs = 400;

/** One connection, for a question or two: it does not come back if it is lost. BrokerError if it cannot be had. */
export async function openRabbitObserver(given: RabbitOptions & { observer: string }): Promise<ObserverLink> {
  const options = resolveOptions(given);
  const address = parseBrokerUrl(options.url);
  const connection = await openConnection(address, options, 'looks');
  try {
    return await observe(connection, address, options, given.observer);
  } catch (error) {
    await closeConnection(connection, options.timers);
    if (isAccessRefused(error)) throw accessRefused(error);
    throw new BrokerError(
      `RabbitMQ at ${address.place} did not let us look: ${shortReason(error, address)}.`,
      { cause: error },
    );
  }
}

async function observe(
  connection: ChannelModel,
  address: BrokerAddress,
  options: ResolvedOptions,
  observer: string,
): Promise<ObserverLink> {
  const publisher = await createPublisher(connection, () => undefined);
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  const queue = observerInbox(observer);
  await channel.assertQueue(queue, {
    exclusive: true,
    durable: false,
    arguments: { 'x-queue-type': 'classic' },
  });
  // Whoever looks first, looks at a broker that nobody has used yet.
  await declareShared(connection);
  let reports: StatusReport[] = [];
  let asked: AbortController | null = null;
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      try {
        reports.push(decodeStatusReport(message.content));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        options.log.warn(`An answer could not be read: ${error.message}`);
      }
      asked?.abort();
    },
    { noAck: true },
  );

  /** false if no queue took it. */
  const reached = async (
    exchange: string,
    key: string,
    message: Parameters<typeof encode>[0],
  ): Promise<boolean> => {
    try {
      const published = { type: message.type, persistent: false, mandatory: true };
      await publisher.publish(exchange, key, encode(message), published);
      return true;
    } catch (error) {
      if (error instanceof ReturnedError) return false;
      throw error;
    }
  };

  return {
    askStatus: async (waitMs) => {
      reports = [];
      const first = new AbortController();
      asked = first;
      if (!(await reached(lobbyExchange, sharedKeys.status, { type: 'status_request', observer }))) return [];
      await pauseFor(options.timers, waitMs, first.signal);
      for (let known = 0; known < reports.length; ) {
        known = reports.length;
        await pauseFor(options.timers, Math.min(waitMs, othersMs));
      }
      return reports.toSorted((a, b) => (a.run < b.run ? -1 : 1));
    },
    drain: (worker, reason) => reached('', workerInbox(worker), { type: 'drain_request', worker, reason }),
    hasWorker: async (worker) => {
      // The broker answers by closing the channel: what is exclusive to somebody else may not even be looked at.
      const asking = await connection.createChannel();
      asking.on('error', () => undefined);
      try {
        await asking.checkQueue(workerInbox(worker));
        await asking.close();
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        if (isResourceLocked(error)) return true;
        throw new BrokerError(
          `RabbitMQ at ${address.place} did not answer: ${shortReason(error, address)}.`,
          {
            cause: error,
          },
        );
      }
    },
    close: () => closeConnection(connection, options.timers),
  };
}
