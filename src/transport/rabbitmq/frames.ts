import type { ChannelModel } from 'amqplib';
import {
  bodyFrameType,
  type FrameBuffer,
  type FrameConnection,
  frameEnd,
  frameEndBytes,
  frameHeaderBytes,
} from './frame-connection.js';
import { readFrames } from './frame-reader.js';

function isFrameConnection(value: unknown): value is FrameConnection {
  const fields = ['stream', 'rest', 'maxFrameSize', 'frameMax', 'channels', 'muxer'];
  const methods = ['recvFrame', 'sendMessage', 'sendContent'];
  return (
    value instanceof Object &&
    fields.every((name) => name in value) &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

/**
 * Lets large messages through with fewer copies, and at once. amqplib copies a body into frames of zeroed memory on its way out, and has them
 * wait for the next turn of the event loop; on its way in it appends every 64 KiB that arrive to what it has of a frame, and the frames to
 * one another. Here the body's own memory goes to the socket right away, and what arrives is copied once, to where the whole body
 * will be. Everything else of a connection stays the library's; so does a message that has to wait because the socket is full.
 *
 * This needs what the library does not document, so package.json names one version of it, and a test compares both ways. false where
 * the library has changed so much that it is left alone.
 */
export function spareCopies({ connection }: ChannelModel): boolean {
  const inner: unknown = connection;
  if (!isFrameConnection(inner)) return false;
  inner.recvFrame = readFrames(inner);
  const sendMessage = inner.sendMessage.bind(inner);
  const sendContent = inner.sendContent.bind(inner);
  let isAtOnce = false;
  inner.sendContent = (channel, body) =>
    isAtOnce ? frameContent(inner, channel, body) : sendContent(channel, body);
  inner.sendMessage = (channel, ...message) => {
    const entry = inner.channels[channel];
    // What waits is written piece by piece, and a heartbeat may come between two: then each has to be a whole frame, as the library's are.
    const waits = !entry || entry.buffer.readableLength > 0 || inner.muxer.blocked;
    if (waits) return sendMessage(channel, ...message);
    isAtOnce = true;
    try {
      return writeAtOnce(inner, entry, () => sendMessage(channel, ...message));
    } finally {
      isAtOnce = false;
    }
  };
  return true;
}

/** The body as frames, in pieces that are views of it. Whoever sends must leave its bytes as they are. */
function frameContent(connection: FrameConnection, channel: number, body: Buffer): boolean {
  const buffer = connection.channels[channel]?.buffer;
  if (buffer === undefined) throw new Error(`Channel ${channel} is closed.`);
  const mostBytes = connection.frameMax - frameHeaderBytes - frameEndBytes;
  for (let from = 0; from < body.length; from += mostBytes) {
    const piece = body.subarray(from, from + mostBytes);
    const header = Buffer.allocUnsafe(frameHeaderBytes);
    header[0] = bodyFrameType;
    header.writeUInt16BE(channel, 1);
    header.writeUInt32BE(piece.length, 3);
    buffer.write(header);
    buffer.write(piece);
    buffer.write(Buffer.of(frameEnd));
  }
  connection.sentSinceLastCheck = true;
  return true;
}

/** Takes what `send` writes to the channel's buffer to the socket, in one go. */
function writeAtOnce(
  { stream, muxer }: FrameConnection,
  entry: { buffer: FrameBuffer },
  send: () => boolean,
): boolean {
  const { buffer } = entry;
  const chunks: Buffer[] = [];
  entry.buffer = { readableLength: 0, write: (chunk) => chunks.push(chunk) > 0 };
  try {
    send();
  } finally {
    entry.buffer = buffer;
  }
  stream.cork();
  for (const chunk of chunks) if (!stream.write(chunk)) muxer.blocked = true;
  stream.uncork();
  return true;
}
