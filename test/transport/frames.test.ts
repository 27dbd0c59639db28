import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';
import { expect, test } from 'vitest';
import { createRandom, type Random } from '../../src/engine/index.js';
import type { Frame, FrameConnection } from '../../src/transport/rabbitmq/frame-connection.js';
import { spareCopies } from '../../src/transport/rabbitmq/frames.js';

// The library's own connection, without a broker: what the code under test replaces is what it is compared with.
const require = createRequire(import.meta.url);
const library = join(dirname(require.resolve('amqplib')), 'lib');
const { Connection } = require(join(library, 'connection.js'));
const defs = require(join(library, 'defs.js'));

/** A socket that keeps what is written, and takes so many bytes at a time. */
class Socket extends Duplex {
  readonly written: Buffer[] = [];

  constructor(highWaterMark: number) {
    super({ highWaterMark });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    setImmediate(done);
  }
}

interface End {
  connection: FrameConnection & { sendHeartbeat(): void };
  socket: Socket;
}

function openEnd(isSpared: boolean, { channels = 2, highWaterMark = 16_384, frameMax = 4_096 } = {}): End {
  const socket = new Socket(highWaterMark);
  const connection = new Connection(socket);
  connection.frameMax = frameMax;
  connection.channelMax = 10;
  for (let i = 0; i < channels; i++)
    connection.freshChannel({ onBufferDrain: () => undefined, accept() {} }, {});
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only its connection is looked at
  if (isSpared) expect(spareCopies({ connection } as unknown as ChannelModel)).toBe(true);
  return { connection, socket };
}

const send = ({ connection }: End, channel: number, content: Buffer, method = defs.BasicPublish): boolean =>
  connection.sendMessage(
    channel,
    method,
    { exchange: 'there', routingKey: 'key', consumerTag: 'tag', deliveryTag: 7, redelivered: false },
    defs.BasicProperties,
    { headers: { a: 1 }, messageId: String(content.length) },
    content,
  );

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function sentBy(end: End): Promise<Buffer> {
  for (let quiet = 0, before = 0; quiet < 5; quiet++) {
    await turn();
    if (end.socket.written.length > before) quiet = 0;
    before = end.socket.written.length;
  }
  return Buffer.concat(end.socket.written);
}

function randomContent(random: Random, mostBytes: number): Buffer {
  const content = Buffer.alloc(random.below(mostBytes + 1));
  for (let i = 0; i < content.length; i++) content[i] = random.below(256);
  return content;
}

/** All that can be read now. */
function readAll({ connection }: End): Frame[] {
  const frames: Frame[] = [];
  for (let frame = connection.recvFrame(); frame !== false; frame = connection.recvFrame())
    frames.push(frame);
  return frames;
}

/** With the bodies in one piece, as the code under test hands them on. */
function joined(frames: readonly Frame[]): Frame[] {
  const bodies = new Map<number, { size: number; parts: Buffer[] }>();
  return frames.flatMap((frame): Frame[] => {
    const { channel, size, content } = frame;
    if (size !== undefined) bodies.set(channel, { size, parts: [] });
    const body = bodies.get(channel);
    if (content === undefined || body === undefined) return [frame];
    body.parts.push(content);
    const whole = Buffer.concat(body.parts);
    return whole.length === body.size ? [{ channel, content: whole }] : [];
  });
}

test.each([16_384, 1_000_000, 100])(
  'sends the bytes that the library sends, into a socket of %i',
  async (highWaterMark) => {
    const seed = highWaterMark;
    const random = createRandom(seed);
    const [theirs, ours] = [false, true].map((isSpared) => openEnd(isSpared, { channels: 1, highWaterMark }));
    for (let i = 0; i < 60; i++) {
      const content = randomContent(random, [0, 100, 4_088, 4_089, 30_000][i % 5]);
      for (const end of [theirs, ours]) send(end, 1, content);
      if (random.below(3) === 0) await turn();
    }
    const [expected, sent] = [await sentBy(theirs), await sentBy(ours)];
    expect(sent.equals(expected), `seed ${seed}`).toBe(true);
    expect(sent.length).toBeGreaterThan(100_000);
  },
);

test('nothing comes into a frame, however full the socket is: not a heartbeat, not another channel', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = createRandom(seed);
    const end = openEnd(true, { highWaterMark: 100 + random.below(20_000) });
    const sent: Buffer[][] = [[], []];
    for (let i = 0; i < 60; i++) {
      const which = random.below(2);
      const content = Buffer.alloc(random.below(20_000), which + 1);
      send(end, which + 1, content);
      sent[which].push(content);
      if (random.below(2) === 0) end.connection.sendHeartbeat();
      if (random.below(4) === 0) await turn();
    }
    const frames = framesIn(await sentBy(end));
    const bodies = frames.filter((frame) => frame[0] === 3);
    for (const frame of frames) expect(frame.at(-1), `seed ${seed}`).toBe(0xce);
    for (const which of [0, 1]) {
      const of = bodies.filter((frame) => frame.readUInt16BE(1) === which + 1);
      const payload = Buffer.concat(of.map((frame) => frame.subarray(7, -1)));
      expect(payload.equals(Buffer.concat(sent[which])), `seed ${seed}`).toBe(true);
    }
  }
});

test('a message goes to the socket before anything else happens, if nothing waits there', () => {
  const end = openEnd(true);
  send(end, 1, Buffer.alloc(10_000, 1));
  expect(end.socket.writableLength).toBeGreaterThan(10_000);
});

test('reads what the library reads, however the bytes come, with channels between one another', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = createRandom(seed);
    const wire = await wireOf(random);
    const [theirs, ours] = [false, true].map((isSpared) => openEnd(isSpared));
    const read: Frame[][] = [[], []];
    for (let at = 0; at < wire.length; ) {
      const piece = wire.subarray(at, at + 1 + random.below(random.below(2) === 0 ? 12 : 20_000));
      at += piece.length;
      for (const [i, end] of [theirs, ours].entries()) {
        end.socket.push(Buffer.from(piece));
        read[i].push(...readAll(end));
      }
    }
    expect(read[1], `seed ${seed}`).toEqual(joined(read[0]));
    expect(read[1].filter(({ content }) => content !== undefined).length).toBeGreaterThan(3);
  }
});

/** Messages of two channels as a broker sends them, their frames in one another's midst. */
async function wireOf(random: Random): Promise<Buffer> {
  const queues: Buffer[][] = [];
  for (const channel of [1, 2]) {
    const end = openEnd(false);
    for (let i = 0; i < 5; i++)
      send(end, channel, randomContent(random, i === 0 ? 0 : 20_000), defs.BasicDeliver);
    queues.push(framesIn(await sentBy(end)));
  }
  const mixed: Buffer[] = [];
  while (queues.some((queue) => queue.length > 0))
    mixed.push(queues[random.below(2)].shift() ?? Buffer.alloc(0));
  return Buffer.concat(mixed);
}

function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 7 + bytes.readUInt32BE(at + 3) + 1;
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

test('a body frame without its end, or larger than agreed on, is an error as it is for the library', async () => {
  const source = openEnd(false);
  send(source, 1, Buffer.alloc(3_000, 1), defs.BasicDeliver);
  const wire = await sentBy(source);
  const withoutEnd = Buffer.from(wire);
  withoutEnd[wire.length - 1] = 0;
  for (const isSpared of [false, true]) {
    const broken = openEnd(isSpared);
    broken.socket.push(withoutEnd);
    expect(() => readAll(broken)).toThrow('Invalid frame');
    const small = openEnd(isSpared);
    small.connection.maxFrameSize = 2_000;
    small.socket.push(wire);
    expect(() => readAll(small)).toThrow('Frame size 3000 exceeds maxFrameSize 2000');
  }
});

test('leaves a connection alone that is not built as this one is', () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a later version might be
  expect(spareCopies({ connection: { stream: null } } as unknown as ChannelModel)).toBe(false);
});
