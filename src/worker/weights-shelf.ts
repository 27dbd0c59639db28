import { asFloat32 } from '../protocol/index.js';

/** Weights that a computation reads. Give them back when it is over, once. */
export interface BorrowedWeights {
  /** f32[parameterCount] */
  buffer: SharedArrayBuffer;
  giveBack(): void;
}

/**
 * The weights of a run in memory that all compute threads share. A buffer is written again only when it is neither
 * the newest nor being read: as a rule two of them take turns.
 */
export interface WeightsShelf {
  /** Copies f32[parameterCount] bytes; from now on these are borrowed. RangeError for another length. */
  keep(bytes: Uint8Array): void;
  borrow(): BorrowedWeights;
  /** Buffers in use or ready for use. */
  readonly buffers: number;
}

export function createWeightsShelf(parameterCount: number): WeightsShelf {
  const sizeBytes = parameterCount * Float32Array.BYTES_PER_ELEMENT;
  const readers = new Map<SharedArrayBuffer, number>();
  let newest: SharedArrayBuffer | null = null;
  return {
    keep(bytes) {
      if (bytes.byteLength !== sizeBytes)
        throw new RangeError(`Expected weights of ${sizeBytes} bytes, got ${bytes.byteLength}.`);
      const free = [...readers].find(([buffer, count]) => count === 0 && buffer !== newest)?.[0];
      const buffer = free ?? new SharedArrayBuffer(sizeBytes);
      new Float32Array(buffer).set(asFloat32(bytes));
      readers.set(buffer, 0);
      newest = buffer;
    },
    borrow() {
      if (newest === null) throw new RangeError('No weights are here yet.');
      const buffer = newest;
      readers.set(buffer, (readers.get(buffer) ?? 0) + 1);
      return { buffer, giveBack: () => void readers.set(buffer, (readers.get(buffer) ?? 1) - 1) };
    },
    get buffers() {
      return readers.size;
    },
  };
}
