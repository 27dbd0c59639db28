import { observerInbox } from '../../protocol/index.js';
import { BrokerError } from '../errors.js';
import { within } from '../timers.js';
import { parseBrokerUrl } from './address.js';
import { closeConnection, openConnection } from './connection.js';
import { type RabbitOptions, resolveOptions } from './options.js';
import { partBytes } from './parts.js';
import { probe } from './session.js';

/** How many messages are sent, one after the other, of which the fastest counts: the first ones open windows and caches. */
const messages = 6;
const patienceMs = 10_000;

/**
 * Milliseconds from this process to the broker and back for a message of `sizeBytes`, by a queue of its own that nobody else sees.
 *
 * @throws BrokerError if the broker cannot be reached, does not let the account in, or does not deliver within ten seconds
 */
export async function timeRabbitMessage(
  given: RabbitOptions & { name: string },
  sizeBytes: number,
): Promise<number> {
  const options = resolveOptions({ ...given, retryForMs: 0 });
  const address = parseBrokerUrl(options.url);
  await probe(address, options);
  const connection = await openConnection(address, options, 'measures');
  const sentBytes = Math.min(sizeBytes, partBytes);
  try {
    const channel = await connection.createChannel();
    // What is lost shows in the wait for the message.
    channel.on('error', () => undefined);
    const queue = observerInbox(given.name);
    await channel.assertQueue(queue, {
      exclusive: true,
      durable: false,
      arguments: { 'x-queue-type': 'classic' },
    });
    let arrived: (() => void) | null = null;
    await channel.consume(queue, () => arrived?.(), { noAck: true });
    const body = Buffer.alloc(sentBytes);
    const tooLate = (): Error =>
      new BrokerError(
        `The broker did not deliver a message of ${sentBytes} bytes within ${patienceMs / 1000} s: it may be short of memory or disk.`,
      );
    let leastMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < messages; i++) {
      const startMs = options.now();
      const delivered = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      channel.sendToQueue(queue, body);
      await within(options.timers, patienceMs, delivered, tooLate);
      leastMs = Math.min(leastMs, options.now() - startMs);
    }
    return (leastMs * sizeBytes) / sentBytes;
  } finally {
    await closeConnection(connection, options.timers);
  }
}
