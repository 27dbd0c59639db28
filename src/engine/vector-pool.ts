/** Where vectors lie that are not to take memory. Each is read once at most. */
export interface VectorStore {
  /** Keeps a copy of the values and says how to have them back; null if it cannot. */
  put(vector: Float32Array): StoredVector | null;
}

export interface StoredVector {
  /** y ← the values, which are gone from the store then. */
  moveTo(y: Float32Array): void;
  /** Nobody wants them any more. */
  drop(): void;
}

/** A vector that waits, in memory or not. */
export type KeptVector = Float32Array | StoredVector;

/** Vectors of one length that are used again and again. */
export interface VectorPool {
  /** f32[length]; what stands in it is whatever was written there last. */
  take(): Float32Array;
  /** Of those that were taken: whoever gives one back reads it no more. */
  give(vector: Float32Array): void;
  /** For one that was taken and waits: to the store, where more than `most` are taken. */
  keep(vector: Float32Array): KeptVector;
  /** What was kept, as one that is taken. */
  fetch(kept: KeptVector): Float32Array;
  /** What was kept is given back without being looked at. */
  drop(kept: KeptVector): void;
  /** f32[length] of zeros, one for all: only read. */
  zeros(): Float32Array;
  /** Vectors made so far, the zeros apart. */
  readonly made: number;
}

/** `most`: so many lie in memory before others go to the store, apart from the few that are just being added. */
export function createVectorPool(
  length: number,
  { most, store }: { most: number; store: VectorStore | null } = { most: 0, store: null },
): VectorPool {
  const free: Float32Array[] = [];
  let zeros: Float32Array | null = null;
  let made = 0;
  const take = (): Float32Array => {
    const vector = free.pop();
    if (vector !== undefined) return vector;
    made += 1;
    return new Float32Array(length);
  };
  const give = (vector: Float32Array): void => void free.push(vector);
  return {
    take,
    give,
    keep(vector) {
      const stored = made - free.length > most ? (store?.put(vector) ?? null) : null;
      if (stored === null) return vector;
      give(vector);
      return stored;
    },
    fetch(kept) {
      if (kept instanceof Float32Array) return kept;
      const vector = take();
      kept.moveTo(vector);
      return vector;
    },
    drop(kept) {
      if (kept instanceof Float32Array) give(kept);
      else kept.drop();
    },
    zeros: () => (zeros ??= new Float32Array(length)),
    get made() {
      return made;
    },
  };
}
