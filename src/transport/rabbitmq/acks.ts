import type { Channel, ConsumeMessage } from 'amqplib';
import type { Timers } from '../timers.js';
import type { Verdict } from '../transport.js';

/** Acks wait until one of these is reached: what is not acked stays in the broker's memory. */
export interface AckLimits {
  messages: number;
  bytes: number;
  afterMs: number;
}

export const ackAtOnce: AckLimits = { messages: 1, bytes: 0, afterMs: 0 };

/** What a consumer says of each of its messages, in whatever order. */
export interface Acks {
  /** The broker has delivered it. */
  delivered(message: ConsumeMessage): void;
  settle(message: ConsumeMessage, verdict: Verdict): void;
  /** Says what was put off. */
  flush(): void;
}

interface Open {
  /** Without its content, which may be large and is of no more use. */
  message: ConsumeMessage;
  isDone: boolean;
}

const noContent = Buffer.alloc(0);

function say(verdict: () => void): void {
  try {
    verdict();
  } catch {
    // The channel is closing under us: the broker gives the message back by itself.
  }
}

/**
 * Many acks in one: of a row of messages that are all done with, only the last is acked, for those before it too. Should the channel
 * close first, the broker delivers again what was done already, as it does after any outage.
 */
export function createAcks(channel: Channel, limits: AckLimits, timers: Timers): Acks {
  /** By delivery tag, delivered and not settled with the broker, in their order. */
  const open = new Map<number, Open>();
  let waiting = 0;
  let waitingBytes = 0;
  let cancelTimer: (() => void) | null = null;

  const flush = (): void => {
    cancelTimer?.();
    cancelTimer = null;
    waiting = 0;
    waitingBytes = 0;
    let ofRow: ConsumeMessage | undefined;
    let isRow = true;
    for (const [tag, one] of open) {
      isRow &&= one.isDone;
      if (!one.isDone) continue;
      open.delete(tag);
      if (isRow) ofRow = one.message;
      else say(() => channel.ack(one.message));
    }
    const last = ofRow;
    if (last !== undefined) say(() => channel.ack(last, true));
  };

  return {
    delivered(message) {
      open.set(message.fields.deliveryTag, { message: { ...message, content: noContent }, isDone: false });
    },
    settle(message, verdict) {
      const { deliveryTag } = message.fields;
      const one = open.get(deliveryTag);
      if (one === undefined) return;
      if (verdict !== 'ack') {
        open.delete(deliveryTag);
        say(() => channel.nack(message, false, verdict === 'requeue'));
        return;
      }
      one.isDone = true;
      waiting += 1;
      waitingBytes += message.content.length;
      if (waiting >= limits.messages || waitingBytes >= limits.bytes) flush();
      else cancelTimer ??= timers.after(limits.afterMs, flush);
    },
    flush,
  };
}
