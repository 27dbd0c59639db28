import type { Channel, ConsumeMessage } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { type Acks, ackAtOnce, createAcks } from '../../src/transport/rabbitmq/acks.js';

const limits = { messages: 3, bytes: 1_000, afterMs: 20 };

function open(given = limits, isClosed = false) {
  const said: string[] = [];
  const say = (line: string): void => {
    if (isClosed) throw new Error('Channel closed');
    said.push(line);
  };
  const channel = {
    ack: ({ fields }: ConsumeMessage, allUpTo = false) =>
      say(`ack ${fields.deliveryTag}${allUpTo ? ' and before' : ''}`),
    nack: ({ fields }: ConsumeMessage, _allUpTo: boolean, requeue: boolean) =>
      say(`${requeue ? 'requeue' : 'drop'} ${fields.deliveryTag}`),
  };
  let onTime: (() => void) | null = null;
  const timers = {
    after: (_ms: number, run: () => void) => {
      onTime = run;
      return () => {
        onTime = null;
      };
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of a channel is used
  const acks = createAcks(channel as unknown as Channel, given, timers);
  return { acks, said, pass: () => onTime?.(), isTiming: () => onTime !== null };
}

function message(deliveryTag: number, sizeBytes = 10): ConsumeMessage {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of a message is used
  return { fields: { deliveryTag }, content: Buffer.alloc(sizeBytes) } as unknown as ConsumeMessage;
}

function deliver(acks: Acks, count: number): ConsumeMessage[] {
  const messages = Array.from({ length: count }, (_, i) => message(i + 1));
  for (const one of messages) acks.delivered(one);
  return messages;
}

describe('acks', () => {
  it('says one for a row of messages, when there are enough of them', () => {
    const { acks, said, isTiming } = open();
    for (const one of deliver(acks, 3)) acks.settle(one, 'ack');
    expect(said).toEqual(['ack 3 and before']);
    expect(isTiming()).toBe(false);
  });

  it('does not wait for more than so many bytes, or so long', () => {
    const { acks, said, pass } = open();
    const large = message(1, 2_000);
    acks.delivered(large);
    acks.settle(large, 'ack');
    expect(said).toEqual(['ack 1 and before']);
    const small = message(2);
    acks.delivered(small);
    acks.settle(small, 'ack');
    expect(said).toHaveLength(1);
    pass();
    expect(said).toEqual(['ack 1 and before', 'ack 2 and before']);
  });

  it('never speaks for a message that is still in hand', () => {
    const { acks, said } = open();
    const [first, second, third, fourth] = deliver(acks, 4);
    for (const one of [first, third, fourth]) acks.settle(one, 'ack');
    expect(said).toEqual(['ack 3', 'ack 4', 'ack 1 and before']);
    acks.settle(second, 'ack');
    acks.flush();
    expect(said.at(-1)).toBe('ack 2 and before');
  });

  it('gives back and drops at once, and only what was said', () => {
    const { acks, said } = open();
    const [first, second, third] = deliver(acks, 3);
    acks.settle(first, 'ack');
    acks.settle(second, 'requeue');
    acks.settle(third, 'discard');
    acks.flush();
    expect(said).toEqual(['requeue 2', 'drop 3', 'ack 1 and before']);
  });

  it('says each by itself where nothing is to wait', () => {
    const { acks, said } = open(ackAtOnce);
    for (const one of deliver(acks, 2)) acks.settle(one, 'ack');
    expect(said).toEqual(['ack 1 and before', 'ack 2 and before']);
  });

  it('is quiet on a channel that closes under it', () => {
    const { acks, pass } = open(limits, true);
    const [first, second] = deliver(acks, 2);
    acks.settle(first, 'ack');
    pass();
    expect(() => acks.settle(second, 'requeue')).not.toThrow();
  });
});
