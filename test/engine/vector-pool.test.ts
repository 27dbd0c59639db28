import { describe, expect, it } from 'vitest';
import { createVectorPool, type StoredVector, type VectorStore } from '../../src/engine/index.js';

const count = 5;

/** A store in memory that knows what lies in it; takes nothing while `isFull`. */
function fakeStore(): VectorStore & { lying: Set<StoredVector>; isFull: boolean } {
  const store = {
    lying: new Set<StoredVector>(),
    isFull: false,
    put(vector: Float32Array): StoredVector | null {
      if (store.isFull) return null;
      const values = vector.slice();
      const stored: StoredVector = {
        moveTo(y) {
          y.set(values);
          stored.drop();
        },
        drop: () => void store.lying.delete(stored),
      };
      store.lying.add(stored);
      return stored;
    },
  };
  return store;
}

describe('a pool of vectors', () => {
  it('makes one only when none is free', () => {
    const pool = createVectorPool(count);
    const [a, b] = [pool.take(), pool.take()];
    expect([a.length, b.length, pool.made]).toEqual([count, count, 2]);
    pool.give(a);
    expect(pool.take()).toBe(a);
    expect(pool.take()).not.toBe(b);
    expect(pool.made).toBe(3);
    expect(pool.zeros()).toBe(pool.zeros());
    expect(pool.made).toBe(3);
  });

  it('keeps so many in memory, and others in the store', () => {
    const store = fakeStore();
    const pool = createVectorPool(count, { most: 2, store });
    const kept = [1, 2, 3, 4, 5].map((value) => pool.keep(pool.take().fill(value)));
    expect(kept.map((one) => one instanceof Float32Array)).toEqual([true, true, false, false, false]);
    expect([store.lying.size, pool.made]).toEqual([3, 3]);
    expect(kept.map((one) => [...pool.fetch(one)])).toEqual(
      [1, 2, 3, 4, 5].map((value) => Array.from({ length: count }, () => value)),
    );
    expect([store.lying.size, pool.made]).toEqual([0, 5]);
  });

  it('forgets what is dropped, wherever it is', () => {
    const store = fakeStore();
    const pool = createVectorPool(count, { most: 1, store });
    const kept = [pool.keep(pool.take()), pool.keep(pool.take())];
    expect(store.lying.size).toBe(1);
    for (const one of kept) pool.drop(one);
    expect(store.lying.size).toBe(0);
    pool.take();
    pool.take();
    expect(pool.made).toBe(2);
  });

  it('keeps all in memory where there is no store, or it takes nothing', () => {
    const store = fakeStore();
    store.isFull = true;
    for (const pool of [createVectorPool(count), createVectorPool(count, { most: 1, store })]) {
      const kept = [1, 2, 3].map((value) => pool.keep(pool.take().fill(value)));
      expect(kept.map((one) => pool.fetch(one)[0])).toEqual([1, 2, 3]);
      expect(pool.made).toBe(3);
    }
  });
});
