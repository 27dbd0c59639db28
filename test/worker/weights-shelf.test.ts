import { describe, expect, it } from 'vitest';
import { referenceKernels } from '../../src/engine/index.js';
import { createWeightsShelf } from '../../src/worker/weights-shelf.js';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const read = (buffer: SharedArrayBuffer): number[] => [...new Float32Array(buffer)];

describe('the shelf of weights', () => {
  it('lends the newest', () => {
    const shelf = createWeightsShelf(2, referenceKernels);
    expect(() => shelf.borrow()).toThrow(RangeError);
    shelf.keep(bytes(1, 2), 'f32');
    shelf.keep(bytes(3, 4), 'f32');
    expect(read(shelf.borrow().buffer)).toEqual([3, 4]);
  });

  it('never writes what somebody reads', () => {
    const shelf = createWeightsShelf(1, referenceKernels);
    shelf.keep(bytes(1), 'f32');
    const slow = shelf.borrow();
    for (let version = 2; version < 20; version++) {
      shelf.keep(bytes(version), 'f32');
      const quick = shelf.borrow();
      expect(read(quick.buffer)).toEqual([version]);
      expect(read(slow.buffer)).toEqual([1]);
      quick.giveBack();
    }
    slow.giveBack();
    expect(shelf.buffers).toBe(3);
  });

  it('needs two buffers as long as nobody lags', () => {
    const shelf = createWeightsShelf(1, referenceKernels);
    for (let version = 0; version < 20; version++) {
      shelf.keep(bytes(version), 'f32');
      shelf.borrow().giveBack();
    }
    expect(shelf.buffers).toBe(2);
  });

  it('takes unaligned bytes, as they come off the wire', () => {
    const shelf = createWeightsShelf(2, referenceKernels);
    const wire = new Uint8Array(11);
    wire.set(bytes(5, 6), 3);
    shelf.keep(wire.subarray(3), 'f32');
    expect(read(shelf.borrow().buffer)).toEqual([5, 6]);
    expect(() => shelf.keep(bytes(1), 'f32')).toThrow(RangeError);
  });
});
