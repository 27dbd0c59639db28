import { randomUUID } from 'node:crypto';
import type { Message as AmqpMessage, ChannelModel, ConfirmChannel, Options } from 'amqplib';
import { LinkDownError } from '../errors.js';
import { type PartHeaders, splitParts } from './parts.js';

/** A mandatory message came back: no queue took it. */
export class ReturnedError extends Error {
  override readonly name = 'ReturnedError';
}

export interface PublishOptions {
  /** Kind of message, for people who look at the broker. */
  type: string;
  /** Survives a restart of the broker. */
  persistent: boolean;
  /** Rejects with ReturnedError if no queue takes it. */
  mandatory: boolean;
  /** Kept beside the message, for people who look at the broker. */
  reason?: string;
}

export interface Publisher {
  /**
   * Resolves at the broker's confirm. Messages go out in the order of the calls, waiting while the socket is full.
   * Rejects with LinkDownError if the channel closes first.
   */
  publish(exchange: string, routingKey: string, bytes: Uint8Array, options: PublishOptions): Promise<void>;
}

/** Frames of up to 128 KiB that may wait in this process before sends wait. */
const waitingFrames = 64;

/** `onClosed` gets the broker's error, if it was one. */
export async function createPublisher(
  connection: ChannelModel,
  onClosed: (error: unknown) => void,
): Promise<Publisher> {
  const channel = await connection.createConfirmChannel({ highWaterMark: waitingFrames });
  const name = randomUUID();
  const returned = new Set<string>();
  let closed = false;
  let sequence = 0;
  let messages = 0;
  /** Resolves when everything published so far was handed to the socket. */
  let written: Promise<unknown> = Promise.resolve();
  /** Messages that were not yet: while there are none, the next one goes out at once. */
  let unwritten = 0;
  /** Ends the wait for room, if somebody waits. */
  let wakeUp: (() => void) | null = null;

  let failure: unknown;
  channel.on('error', (error: unknown) => {
    failure = error;
  });
  channel.on('close', () => {
    closed = true;
    wakeUp?.();
    onClosed(failure);
  });
  channel.on('drain', () => wakeUp?.());
  channel.on('return', (message: AmqpMessage) => {
    const id: unknown = message.properties.messageId;
    if (typeof id === 'string') returned.add(id);
  });

  /** Resolves when the channel has room again, or has closed. */
  const room = (): Promise<void> =>
    new Promise((resolve) => {
      wakeUp = resolve;
    });

  const send = (exchange: string, routingKey: string, content: Buffer, options: Options.Publish) => {
    const id = String(sequence++);
    let full = false;
    const confirmed = new Promise<void>((resolve, reject) => {
      const onConfirm = (error: unknown): void => {
        if (returned.delete(id)) reject(new ReturnedError('No queue took the message.'));
        else if (error === null || error === undefined) resolve();
        else
          reject(new LinkDownError('The connection to the broker was lost before it confirmed the message.'));
      };
      full = !publishOn(channel, exchange, routingKey, content, { ...options, messageId: id }, onConfirm);
    });
    return { confirmed, full };
  };

  const publish: Publisher['publish'] = async (exchange, routingKey, bytes, options) => {
    const { type, persistent, mandatory, reason } = options;
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parts = splitParts(content);
    const message = messages++;
    const before = unwritten > 0 ? written : null;
    const confirms: Promise<void>[] = [];
    unwritten += 1;
    const write = async (): Promise<void> => {
      if (before !== null) await before;
      for (const [part, piece] of parts.entries()) {
        if (closed) throw new LinkDownError('The connection to the broker is lost.');
        const headers: Partial<PartHeaders> & { 'onko-reason'?: string } = {};
        if (reason !== undefined) headers['onko-reason'] = reason;
        if (parts.length > 1) {
          headers['onko-publisher'] = name;
          headers['onko-message'] = message;
          headers['onko-part'] = part;
          headers['onko-parts'] = parts.length;
        }
        const contentType = 'application/x-protobuf';
        const sent = send(exchange, routingKey, piece, { type, persistent, mandatory, headers, contentType });
        confirms.push(sent.confirmed);
        // Rejections are told by Promise.all below, which may come later than they do.
        sent.confirmed.catch(() => undefined);
        if (sent.full) await room();
      }
    };
    const writing = write().finally(() => {
      unwritten -= 1;
    });
    written = writing.catch(() => undefined);
    await writing;
    await Promise.all(confirms);
  };
  return { publish };
}

/** false if the channel is full. LinkDownError if it is closed. */
function publishOn(
  channel: ConfirmChannel,
  exchange: string,
  routingKey: string,
  content: Buffer,
  options: Options.Publish,
  onConfirm: (error: unknown) => void,
): boolean {
  try {
    return channel.publish(exchange, routingKey, content, options, onConfirm);
  } catch (error) {
    throw new LinkDownError('The connection to the broker is lost.', { cause: error });
  }
}
