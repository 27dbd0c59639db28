/**
 * Large messages travel in parts: RabbitMQ 4 refuses more than 16 MiB. Parts of one message follow one another on
 * one channel; headers say which belong together.
 */
export const partBytes = 8 * 1024 * 1024;

export interface PartHeaders {
  /** Who published: parts of one publisher come in order, so that a new message ends an unfinished one. */
  'onko-publisher': string;
  'onko-message': number;
  'onko-part': number;
  'onko-parts': number;
}

export function partCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / partBytes));
}

/** Bytes → views of at most 8 MiB. */
export function splitParts(bytes: Buffer): Buffer[] {
  return Array.from({ length: partCount(bytes.length) }, (_, i) =>
    bytes.subarray(i * partBytes, (i + 1) * partBytes),
  );
}

interface Unfinished {
  message: number;
  received: (Buffer | undefined)[];
}

/** More publishers than this with an unfinished message: the oldest is forgotten. */
const maxUnfinished = 64;

/** Puts parts together. Holds at most one unfinished message per publisher. */
export class PartAssembler {
  readonly #unfinished = new Map<string, Unfinished>();

  /** → the whole message; null if parts are missing still; a string if the headers make no sense. */
  add(headers: Record<string, unknown>, content: Buffer): Buffer | string | null {
    const publisher = headers['onko-publisher'];
    if (publisher === undefined) return content;
    const message = headers['onko-message'];
    const part = headers['onko-part'];
    const parts = headers['onko-parts'];
    if (
      typeof publisher !== 'string' ||
      !isCount(message, 2 ** 48) ||
      !isCount(parts, 1_024) ||
      !isCount(part, parts)
    ) {
      return 'message: part headers expected onko-publisher, onko-message, onko-part below onko-parts, got something else';
    }
    let unfinished = this.#unfinished.get(publisher);
    if (unfinished?.message !== message || unfinished.received.length !== parts) {
      unfinished = { message, received: Array.from({ length: parts }) };
      this.#unfinished.delete(publisher);
      this.#unfinished.set(publisher, unfinished);
    }
    unfinished.received[part] = content;
    const received = unfinished.received.filter((one) => one !== undefined);
    if (received.length === parts) {
      this.#unfinished.delete(publisher);
      return Buffer.concat(received);
    }
    const oldest = this.#unfinished.keys().next();
    if (this.#unfinished.size > maxUnfinished && oldest.done !== true) this.#unfinished.delete(oldest.value);
    return null;
  }
}

function isCount(value: unknown, below: unknown): value is number {
  return (
    typeof value === 'number' &&
    typeof below === 'number' &&
    Number.isInteger(value) &&
    value >= 0 &&
    value < below
  );
}
