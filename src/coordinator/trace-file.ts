import { type FileOperations, OutputError, outputError, realFiles } from '../store/index.js';
import { realTimers, type Timers } from '../transport/index.js';

/** A file that grows by whole events and is a JSON array at any moment. */
export interface TraceFile {
  /** One event, as the text of a JSON object. Never waits: it is written within a second. */
  add(event: string): void;
  /** Writes what is left. Never rejects. */
  close(): Promise<void>;
}

const flushAfterMs = 1_000;
/** Events are written in pieces of at most this size (a write takes as long as some fifty events); one that is longer makes its own. */
const pieceBytes = 256 * 1024;
/** What waits for a slow disk; beyond, events are dropped. */
const mostWaitingBytes = 8 * 1024 * 1024;

const head = '[\n';
const separator = ',\n';
const tail = '\n]\n';

/** Events as bytes, each with a separator before it, and room for the closing bracket behind them. */
interface Piece {
  bytes: Buffer;
  length: number;
  events: number;
}

const newPiece = (sizeBytes: number): Piece => ({
  bytes: Buffer.allocUnsafeSlow(sizeBytes),
  length: 0,
  events: 0,
});

/**
 * Replaces what is there under that name. Every write goes over the closing bracket of the one before and ends with one of its
 * own, so that a process that is killed leaves a whole file behind; only what was not written yet is missing.
 *
 * @throws OutputError if it cannot be written at all. Later, `onFailed` is told once, and nothing more is written.
 */
export async function openTraceFile(o: {
  path: string;
  onFailed: (failure: OutputError) => void;
  /** Events that will not be in the file. */
  onDropped: (events: number) => void;
  files?: FileOperations;
  timers?: Timers;
}): Promise<TraceFile> {
  const { path, onFailed, onDropped } = o;
  const handle = await open(path, o.files ?? realFiles);
  const timers = o.timers ?? realTimers;
  /** Bytes before the closing bracket. */
  let endsAt = head.length;
  let isEmpty = true;
  // Bytes from the beginning: thousands of strings that live until they are written cost more than writing them.
  let filling = newPiece(pieceBytes);
  let waiting: Piece[] = [];
  let waitingBytes = 0;
  /** One that was written, to be filled again. */
  let spare: Piece | null = null;
  let hasFailed = false;
  let isClosed = false;
  let writing: Promise<void> | null = null;
  let cancelFlush: (() => void) | null = null;

  const writeAt = async (bytes: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  };

  /** What was there stays whole: its bracket has a place already, on a full disk too, and what came after goes. */
  const restoreTail = async (): Promise<void> => {
    await writeAt(Buffer.from(tail), endsAt);
    await handle.truncate(endsAt + tail.length);
  };

  const breakOff = async (cause: unknown, lost: Piece): Promise<void> => {
    hasFailed = true;
    onDropped([lost, ...waiting, filling].reduce((sum, { events }) => sum + events, 0));
    waiting = [];
    filling = newPiece(0);
    try {
      await restoreTail();
    } catch {
      // It cannot be helped; the cause is told all the same.
    }
    onFailed(outputError(path, cause));
  };

  const drain = async (): Promise<void> => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
      const { bytes, length } = piece;
      waitingBytes -= length;
      const first = isEmpty ? separator.length : 0;
      bytes.write(tail, length);
      try {
        await writeAt(bytes.subarray(first, length + tail.length), endsAt);
        endsAt += length - first;
        isEmpty = false;
        if (bytes.length === pieceBytes) spare = { bytes, length: 0, events: 0 };
      } catch (error) {
        await breakOff(error, piece);
      }
    }
    writing = null;
  };

  /** Lets the piece go, and begins one with room for so many bytes. */
  const flush = (room = 0): void => {
    cancelFlush?.();
    cancelFlush = null;
    if (filling.events > 0) {
      waiting.push(filling);
      waitingBytes += filling.length;
      writing ??= drain();
    }
    filling = room > pieceBytes ? newPiece(room) : (spare ?? newPiece(pieceBytes));
    if (filling === spare) spare = null;
  };

  return {
    add(event) {
      if (hasFailed || isClosed || waitingBytes > mostWaitingBytes) return onDropped(1);
      const around = separator.length + tail.length;
      // A character takes at most three bytes: to count them would take as long as to write them.
      if (filling.length + 3 * event.length + around > filling.bytes.length)
        flush(Buffer.byteLength(event) + around);
      filling.length += filling.bytes.write(separator, filling.length);
      filling.length += filling.bytes.write(event, filling.length);
      filling.events += 1;
      cancelFlush ??= timers.after(flushAfterMs, flush);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      flush();
      await writing;
      await handle.close().catch(() => undefined);
    },
  };
}

async function open(path: string, files: FileOperations): ReturnType<FileOperations['open']> {
  try {
    const handle = await files.open(path, 'w');
    await handle.writeFile(head.trimEnd() + tail);
    return handle;
  } catch (error) {
    throw error instanceof OutputError ? error : outputError(path, error);
  }
}
