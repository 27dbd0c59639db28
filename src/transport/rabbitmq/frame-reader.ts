import {
  bodyFrameType,
  type Frame,
  type FrameConnection,
  frameEnd,
  frameEndBytes,
  frameHeaderBytes,
} from './frame-connection.js';

/** The body of a message that is arriving, in the memory that it will stay in. */
interface Body {
  channel: number;
  content: Buffer;
  filled: number;
}

/** In place of the library's `recvFrame`: the next frame, or false if it is not here in whole. A body comes as one frame, however many it was. */
export function readFrames(connection: FrameConnection): () => Frame | false {
  const readSmall = connection.recvFrame.bind(connection);
  const pieces = new Pieces(connection.rest);
  connection.rest = Buffer.alloc(0);
  const bodies = new Map<number, Body>();
  /** Whose frame is arriving, and how many of its bytes are still to come. */
  let arriving: Body | null = null;
  let due = 0;

  /** The library's own way, for the frame at the front. Null if it is not here in whole. */
  const takeSmall = (payloadBytes: number): Frame | null => {
    const frameBytes = frameHeaderBytes + payloadBytes + frameEndBytes;
    if (pieces.length < frameBytes) return null;
    connection.rest = pieces.take(frameBytes);
    const frame = readSmall();
    if (frame === false) return null;
    const { channel, size = 0 } = frame;
    if (size > 0) bodies.set(channel, { channel, content: Buffer.allocUnsafe(size), filled: 0 });
    return frame;
  };

  /** Of a body frame what is here. The whole body, if that was the last of it. */
  const fill = (body: Body): Frame | null => {
    const moved = pieces.moveTo(body.content, body.filled, due);
    body.filled += moved;
    due -= moved;
    if (due > 0 || pieces.length < frameEndBytes) return null;
    if (pieces.take(frameEndBytes)[0] !== frameEnd) throw new Error('Invalid frame');
    arriving = null;
    if (body.filled < body.content.length) return next();
    bodies.delete(body.channel);
    return { channel: body.channel, content: body.content };
  };

  const next = (): Frame | null => {
    if (arriving !== null) return fill(arriving);
    if (pieces.length < frameHeaderBytes) return null;
    const header = pieces.peek(frameHeaderBytes);
    const size = header.readUInt32BE(3);
    const { maxFrameSize } = connection;
    if (maxFrameSize > 0 && size > maxFrameSize)
      throw new Error(`Frame size ${size} exceeds maxFrameSize ${maxFrameSize}`);
    const body = header[0] === bodyFrameType ? bodies.get(header.readUInt16BE(1)) : undefined;
    // What does not fit is for the library to complain about.
    if (body === undefined || body.filled + size > body.content.length) return takeSmall(size);
    pieces.take(frameHeaderBytes);
    arriving = body;
    due = size;
    return fill(body);
  };

  return () => {
    for (;;) {
      const frame = next();
      if (frame !== null) return frame;
      const incoming: unknown = connection.stream.read();
      if (!Buffer.isBuffer(incoming)) return false;
      connection.recvSinceLastCheck = true;
      pieces.add(incoming);
    }
  };
}

/** Bytes in the pieces that they came in. */
class Pieces {
  readonly #pieces: Buffer[] = [];
  length = 0;

  constructor(first: Buffer) {
    this.add(first);
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.length += piece.length;
  }

  /** The first `count` bytes, which must be here. */
  peek(count: number): Buffer {
    if (this.#pieces[0].length < count)
      this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces));
    return this.#pieces[0].subarray(0, count);
  }

  take(count: number): Buffer {
    const taken = this.peek(count);
    this.#drop(count);
    return taken;
  }

  /** Copies up to `count` bytes to `target` from `at` on, and lets go of them; says how many. */
  moveTo(target: Buffer, at: number, count: number): number {
    let moved = 0;
    while (moved < count && this.length > 0) {
      const piece = this.#pieces[0].subarray(0, count - moved);
      target.set(piece, at + moved);
      moved += piece.length;
      this.#drop(piece.length);
    }
    return moved;
  }

  #drop(count: number): void {
    const [piece] = this.#pieces;
    if (piece.length === count) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(count);
    this.length -= count;
  }
}
