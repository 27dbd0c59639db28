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
const flushAtChars = 64 * 1024;
/** Events that wait for a slow disk; beyond, they are dropped. */
const mostWaitingChars = 8 * 1024 * 1024;

const head = '[\n';
const tail = '\n]\n';

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
  let waiting: string[] = [];
  let waitingChars = 0;
  let hasFailed = false;
  let isClosed = false;
  let writing: Promise<void> | null = null;
  let cancelFlush: (() => void) | null = null;

  const writeAt = async (text: string, position: number): Promise<void> => {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  };

  /** What waits; nothing after a failure. */
  const take = (): string[] => {
    const events = waiting;
    waiting = [];
    waitingChars = 0;
    return events;
  };

  /** What was there stays whole: its bracket has a place already, on a full disk too, and what came after goes. */
  const restoreTail = async (): Promise<void> => {
    await writeAt(tail, endsAt);
    await handle.truncate(endsAt + tail.length);
  };

  const breakOff = async (cause: unknown, lost: number): Promise<void> => {
    hasFailed = true;
    onDropped(lost + take().length);
    try {
      await restoreTail();
    } catch {
      // It cannot be helped; the cause is told all the same.
    }
    onFailed(outputError(path, cause));
  };

  const drain = async (): Promise<void> => {
    for (let events = take(); events.length > 0; events = take()) {
      const text = `${isEmpty ? '' : ',\n'}${events.join(',\n')}`;
      try {
        await writeAt(text + tail, endsAt);
        endsAt += Buffer.byteLength(text);
        isEmpty = false;
      } catch (error) {
        await breakOff(error, events.length);
      }
    }
    writing = null;
  };

  const flush = (): void => {
    cancelFlush?.();
    cancelFlush = null;
    if (waiting.length > 0) writing ??= drain();
  };

  return {
    add(event) {
      if (hasFailed || isClosed || waitingChars > mostWaitingChars) return onDropped(1);
      waiting.push(event);
      waitingChars += event.length;
      if (waitingChars >= flushAtChars) flush();
      else cancelFlush ??= timers.after(flushAfterMs, flush);
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
