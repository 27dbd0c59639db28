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
 * will be. Everything else of a connection stays the library's.
 *
 * This needs what the library does not document, so package.json names one version of it, and a test compares both ways. false where
 * the library has changed so much that it is left alone.
 */
export function spareCopies({ connection }: ChannelModel): boolean {
  const inner: unknown = connection;
  if (!isFrameConnection(inner)) return false;
  inner.recvFrame = readFrames(inner);
  inner.sendContent = (channel, body) => sendContent(inner, channel, body);
  const sendMessage = inner.sendMessage.bind(inner);
  inner.sendMessage = (channel, ...message) =>
    collected(inner, channel, () => sendMessage(channel, ...message));
  return true;
}

/** The body as frames, each a view of it between header and end. Whoever sends must leave its bytes as they are. */
function sendContent(connection: FrameConnection, channel: number, body: Buffer): boolean {
  const buffer = bufferOf(connection, channel);
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

/**
 * All frames of a message as one entry of its channel's buffer, or, while nothing waits, straight to the socket. Frames of other channels
 * may come between those of a message, but not into a frame.
 */
function collected(connection: FrameConnection, channel: number, send: () => boolean): boolean {
  const entry = connection.channels[channel];
  const buffer = bufferOf(connection, channel);
  if (!entry) return send();
  const chunks: Buffer[] = [];
  entry.buffer = {
    readableLength: 0,
    write: (chunk) => {
      chunks.push(chunk);
      return true;
    },
  };
  try {
    send();
  } finally {
    entry.buffer = buffer;
  }
  const { stream, muxer } = connection;
  if (buffer.readableLength > 0 || muxer.blocked) {
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = buffer.write(chunk);
    return hasRoom;
  }
  stream.cork();
  for (const chunk of chunks) if (!stream.write(chunk)) muxer.blocked = true;
  stream.uncork();
  return true;
}

function bufferOf(connection: FrameConnection, channel: number): FrameBuffer {
  const buffer = connection.channels[channel]?.buffer;
  if (buffer === undefined) throw new Error(`Channel ${channel} is closed.`);
  return buffer;
}
