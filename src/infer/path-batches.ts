import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InferenceError } from './errors.js';

/** What may wait to be taken, in bytes: a few thousand paths. */
const waitingBytes = 2 ** 18;
/** No system has longer paths; a line beyond this is no path, and would fill the memory. */
const maxPathChars = 2 ** 16;

/**
 * Paths from a stream, one a line (or each with a zero byte after it), as they come: each batch is what has arrived since the one before, at most `most`. So a path that
 * comes alone is answered at once, and where they come faster than they are computed, they are computed together. Empty lines are
 * skipped. Whoever writes waits while batches are being worked on: what is held is bounded.
 *
 * @throws InferenceError for a line that cannot be a path; the signal's AbortError
 */
export async function* pathBatches(
  source: Readable,
  most: number,
  o: { end?: 'line' | 'zero byte'; signal?: AbortSignal } = {},
): AsyncGenerator<string[]> {
  const { end = 'line', signal } = o;
  const isLine = end === 'line';
  const arrived = new PassThrough({ highWaterMark: waitingBytes });
  arrived.setEncoding('utf8');
  // A failure of it comes out of `arrived`, too.
  pipeline(source, arrived, signal === undefined ? {} : { signal }).catch(() => undefined);
  let tail = '';
  for await (const text of arrived as AsyncIterable<string>) {
    const lines = (tail + text).split(isLine ? '\n' : '\0');
    tail = lines.pop() ?? '';
    if (tail.length > maxPathChars) {
      throw new InferenceError(
        `A path on standard input has more than ${maxPathChars} characters: paths of images were expected, ${isLine ? 'one a line' : 'with a zero byte after each'}, not images.`,
      );
    }
    yield* inBatches(isLine ? lines.map(withoutReturn) : lines, most);
  }
  yield* inBatches([isLine ? withoutReturn(tail) : tail], most);
}

/** Paths that are known already, at most `most` at a time; empty ones are skipped. */
export function* inBatches(paths: readonly string[], most: number): Generator<string[]> {
  const named = paths.filter((path) => path !== '');
  for (let first = 0; first < named.length; first += most) yield named.slice(first, first + most);
}

/** Lists from Windows end their lines with it. */
function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
