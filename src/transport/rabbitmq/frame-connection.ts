import type { Duplex } from 'node:stream';

/** AMQP 0-9-1, section 4.2.3: type, channel (2), size (4) · payload · end. */
export const frameHeaderBytes = 7;
export const frameEndBytes = 1;
export const bodyFrameType = 3;
export const frameEnd = 0xce;

/** A frame as the library hands it on. Body frames have `content`, header frames the `size` of the body that follows. */
export interface Frame {
  channel: number;
  size?: number;
  content?: Buffer;
}

/** Where a channel's frames wait for the socket. */
export interface FrameBuffer {
  readonly readableLength: number;
  write(chunk: Buffer): boolean;
}

/** What is used of the library's connection beyond its public face. */
export interface FrameConnection {
  stream: Duplex;
  /** Bytes that the library has read and not yet taken for a frame. */
  rest: Buffer;
  /** The largest payload that is accepted, bytes; 0: any. */
  maxFrameSize: number;
  /** The largest frame that may be sent, bytes. */
  frameMax: number;
  channels: ({ buffer: FrameBuffer } | null)[];
  /** Brings waiting frames to the socket; blocked while that is full. */
  muxer: { blocked: boolean };
  recvSinceLastCheck: boolean;
  sentSinceLastCheck: boolean;
  recvFrame(): Frame | false;
  sendMessage(channel: number, ...message: unknown[]): boolean;
  sendContent(channel: number, body: Buffer): boolean;
}
