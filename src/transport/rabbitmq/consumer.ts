import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { throwLater } from '../listeners.js';
import type { Timers } from '../timers.js';
import type { Delivery, Verdict } from '../transport.js';
import { type AckLimits, ackAtOnce, createAcks } from './acks.js';
import { PartAssembler } from './parts.js';

export interface ConsumerOptions {
  queue: string;
  /** Messages in hand at a time. */
  prefetch: number;
  /** Default: each message is acked by itself. */
  acks?: AckLimits;
  timers: Timers;
  /** Of the session: what comes before is kept back until then, and is never seen if the session breaks first. */
  opened: Promise<void>;
  /** A rejected promise gives the message back. */
  handle: (bytes: Buffer, delivery: Delivery) => Promise<Verdict>;
  onMalformed: (reason: string) => void;
  /** The queue was deleted under the consumer. */
  onCancelled: () => void;
  /** The channel closed without our doing. */
  onClosed: () => void;
}

export interface Subscription {
  /** Takes nothing new; what is in hand can still be settled. */
  pause(): Promise<void>;
  /** What is in hand goes back. Never rejects. */
  close(): Promise<void>;
}

/**
 * Consumes on a channel of its own, so that prefetch and acks are its own too. An ack belongs to the channel that
 * delivered: when that is gone, the verdict is dropped, since the broker has given the message back already.
 */
export async function subscribe(connection: ChannelModel, options: ConsumerOptions): Promise<Subscription> {
  const channel = await connection.createChannel();
  const assembler = new PartAssembler();
  const acks = createAcks(channel, options.acks ?? ackAtOnce, options.timers);
  let state: 'active' | 'paused' | 'closed' = 'active';
  channel.on('error', () => undefined);
  channel.on('close', () => {
    const wanted = state === 'closed';
    state = 'closed';
    if (!wanted) options.onClosed();
  });

  const settle = (message: ConsumeMessage, verdict: Verdict): void => {
    if (state !== 'closed') acks.settle(message, verdict);
  };

  const take = async (message: ConsumeMessage): Promise<void> => {
    // The broker gives back what a session that never came up was given; whoever held on to it would take the
    // message that comes again for a twin.
    await options.opened;
    const whole = assembler.add(message.properties.headers ?? {}, message.content);
    if (whole === null) return settle(message, 'ack');
    if (typeof whole === 'string') {
      options.onMalformed(whole);
      return settle(message, 'ack');
    }
    const delivery = { redelivered: message.fields.redelivered, sizeBytes: whole.length };
    const verdict = await options.handle(whole, delivery).catch((): Verdict => 'requeue');
    return settle(message, verdict);
  };

  await channel.prefetch(options.prefetch);
  const { consumerTag } = await channel.consume(options.queue, (message) => {
    if (message === null) return options.onCancelled();
    acks.delivered(message);
    if (state === 'active') take(message).catch(throwLater);
    else settle(message, 'requeue');
  });

  return {
    pause: async () => {
      if (state !== 'active') return;
      state = 'paused';
      await channel.cancel(consumerTag).catch(() => undefined);
    },
    close: async () => {
      if (state === 'closed') return;
      acks.flush();
      state = 'closed';
      await Promise.resolve()
        .then(() => channel.close())
        .catch(() => undefined);
    },
  };
}
