import { describe, expect, it } from 'vitest';
import { referenceKernels } from '../../src/engine/index.js';
import { createWeightsShelf } from '../../src/worker/weights-shelf.js';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const read = (buffer: SharedArrayBuffer): number[] => [...new Float32Array(buffer)];

describe('the shelf of weights', () => {
  it('lends what is kept, by version, and nothing else', () => {
    const shelf = createWeightsShelf(2, referenceKernels);
    expect(() => shelf.borrow(0)).toThrow(RangeError);
    shelf.keep(4, bytes(1, 2), 'f32', [4]);
    shelf.keep(5, bytes(3, 4), 'f32', [4, 5]);
    expect(read(shelf.borrow(4).buffer)).toEqual([1, 2]);
    expect(read(shelf.borrow(5).buffer)).toEqual([3, 4]);
    shelf.keep(6, bytes(5, 6), 'f32', [5, 6]);
    expect(() => shelf.borrow(4)).toThrow('No weights of version 4');
    expect(read(shelf.borrow(5).buffer)).toEqual([3, 4]);
    expect(read(shelf.borrow(6).buffer)).toEqual([5, 6]);
  });

  it('takes older weights that come late', () => {
    const shelf = createWeightsShelf(1, referenceKernels);
    shelf.keep(8, bytes(8), 'f32', [8]);
    shelf.keep(7, bytes(7), 'f32', [7, 8]);
    expect([7, 8].map((version) => read(shelf.borrow(version).buffer))).toEqual([[7], [8]]);
  });

  it('never writes what somebody reads', () => {
    const shelf = createWeightsShelf(1, referenceKernels);
    shelf.keep(1, bytes(1), 'f32', [1]);
    const slow = shelf.borrow(1);
    for (let version = 2; version < 20; version++) {
      shelf.keep(version, bytes(version), 'f32', [version]);
      const quick = shelf.borrow(version);
      expect(read(quick.buffer)).toEqual([version]);
      expect(read(slow.buffer)).toEqual([1]);
      quick.giveBack();
    }
    slow.giveBack();
    expect(shelf.buffers).toBe(2);
  });

  it('needs as many buffers as there are versions of use, as long as nobody lags', () => {
    for (const [kept, buffers] of [
      [1, 1],
      [2, 2],
      [3, 3],
    ] as const) {
      const shelf = createWeightsShelf(1, referenceKernels);
      for (let version = kept; version < 20; version++) {
        const versions = Array.from({ length: kept }, (_, i) => version - i);
        shelf.keep(version, bytes(version), 'f32', versions);
        shelf.borrow(version).giveBack();
      }
      expect(shelf.buffers).toBe(buffers);
    }
  });

  it('lends shared memory itself, whoever it belongs to, and never writes to it', () => {
    const shelf = createWeightsShelf(2, referenceKernels);
    const theirs = new Float32Array(new SharedArrayBuffer(8));
    theirs.set([1, 2]);
    shelf.keep(1, new Uint8Array(theirs.buffer), 'f32', [1]);
    const lent = shelf.borrow(1);
    expect(lent.buffer).toBe(theirs.buffer);
    lent.giveBack();
    for (const version of [2, 3]) shelf.keep(version, bytes(version, version), 'f32', [version]);
    expect(read(theirs.buffer)).toEqual([1, 2]);
    const large = new Uint8Array(new SharedArrayBuffer(16), 4, 8);
    shelf.keep(4, large, 'f32', [4]);
    expect(shelf.borrow(4).buffer).not.toBe(large.buffer);
  });

  it('takes unaligned bytes, as they come off the wire', () => {
    const shelf = createWeightsShelf(2, referenceKernels);
    const wire = new Uint8Array(11);
    wire.set(bytes(5, 6), 3);
    shelf.keep(0, wire.subarray(3), 'f32', [0]);
    expect(read(shelf.borrow(0).buffer)).toEqual([5, 6]);
    expect(() => shelf.keep(1, bytes(1), 'f32', [1])).toThrow(RangeError);
  });
});
