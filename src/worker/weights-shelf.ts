import { type Encoding, encodedBytes, type Kernels } from '../engine/index.js';
import { asFloat32 } from '../protocol/index.js';

/** Weights that a computation reads. Give them back when it is over, once. */
export interface BorrowedWeights {
  /** f32[parameterCount] */
  buffer: SharedArrayBuffer;
  giveBack(): void;
}

/**
 * The weights of a run in memory that all compute threads share. A buffer is written again only when its version is of no more use
 * and nobody reads it: as a rule there is one more than there are versions in use.
 */
export interface WeightsShelf {
  /**
   * Keeps what stands in the bytes, parameterCount values, which may be borrowed from now on; `versions`: all that may. Bytes of shared
   * memory are those of a coordinator in this process, who leaves them as they are while anybody may compute with them: they are
   * borrowed themselves, all others are copied. RangeError for another length.
   */
  keep(version: number, bytes: Uint8Array, encoding: Encoding, versions: readonly number[]): void;
  /** RangeError for a version that is not kept. */
  borrow(version: number): BorrowedWeights;
  /** Buffers of its own, in use or ready for use. */
  readonly buffers: number;
}

/** The buffer behind the bytes, if it is shared and they are all of it. */
function wholeShared({ buffer, byteLength }: Uint8Array): SharedArrayBuffer | null {
  return buffer instanceof SharedArrayBuffer && buffer.byteLength === byteLength ? buffer : null;
}

export function createWeightsShelf(parameterCount: number, kernels: Pick<Kernels, 'decode'>): WeightsShelf {
  const sizeBytes = parameterCount * Float32Array.BYTES_PER_ELEMENT;
  const readers = new Map<SharedArrayBuffer, number>();
  const kept = new Map<number, SharedArrayBuffer>();
  const free = (): SharedArrayBuffer => {
    const inUse = new Set(kept.values());
    const unused = [...readers].find(([buffer, count]) => count === 0 && !inUse.has(buffer))?.[0];
    return unused ?? new SharedArrayBuffer(sizeBytes);
  };
  return {
    keep(version, bytes, encoding, versions) {
      const expected = encodedBytes(encoding, parameterCount);
      if (bytes.byteLength !== expected)
        throw new RangeError(`Expected weights of ${expected} bytes, got ${bytes.byteLength}.`);
      for (const other of kept.keys()) if (other === version || !versions.includes(other)) kept.delete(other);
      const whole = encoding === 'f32' ? wholeShared(bytes) : null;
      if (whole !== null) {
        kept.set(version, whole);
        return;
      }
      const buffer = free();
      const values = new Float32Array(buffer);
      if (encoding === 'f32') values.set(asFloat32(bytes));
      else kernels.decode(values, bytes, encoding, false);
      readers.set(buffer, 0);
      kept.set(version, buffer);
    },
    borrow(version) {
      const buffer = kept.get(version);
      if (buffer === undefined) throw new RangeError(`No weights of version ${version} are here.`);
      const count = readers.get(buffer);
      if (count === undefined) return { buffer, giveBack: () => undefined };
      readers.set(buffer, count + 1);
      return { buffer, giveBack: () => void readers.set(buffer, (readers.get(buffer) ?? 1) - 1) };
    },
    get buffers() {
      return readers.size;
    },
  };
}
