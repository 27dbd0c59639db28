import { type Encoding, encodedBytes, type Kernels } from '../engine/index.js';
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
  /** Copies what stands in the bytes, parameterCount values; from now on these are borrowed. RangeError for another length. */
  keep(bytes: Uint8Array, encoding: Encoding): void;
  borrow(): BorrowedWeights;
  /** Buffers in use or ready for use. */
  readonly buffers: number;
}

export function createWeightsShelf(parameterCount: number, kernels: Pick<Kernels, 'decode'>): WeightsShelf {
  const sizeBytes = parameterCount * Float32Array.BYTES_PER_ELEMENT;
  const readers = new Map<SharedArrayBuffer, number>();
  let newest: SharedArrayBuffer | null = null;
  return {
    keep(bytes, encoding) {
      const expected = encodedBytes(encoding, parameterCount);
      if (bytes.byteLength !== expected)
        throw new RangeError(`Expected weights of ${expected} bytes, got ${bytes.byteLength}.`);
      const free = [...readers].find(([buffer, count]) => count === 0 && buffer !== newest)?.[0];
      const buffer = free ?? new SharedArrayBuffer(sizeBytes);
      const values = new Float32Array(buffer);
      if (encoding === 'f32') values.set(asFloat32(bytes));
      else kernels.decode(values, bytes, encoding, false);
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
