import { describe, expect, it } from 'vitest';
import type { Augmenter, SampleReader } from '../../src/data/index.js';
import type { Batch } from '../../src/engine/index.js';
import { createInputs, type InputsOfBlock } from '../../src/worker/inputs.js';

const sampleBytes = 3;
const capacity = 4;

/** Pixels and label tell which sample, and in training which epoch it is. */
const tint: Augmenter = (pixels, indices, epoch) => {
  for (let i = 0; i < indices.length; i++) pixels[i * sampleBytes + 2] = epoch;
};

function createWorld(options: { maxReadyBytes?: number; absent?: number; augment?: Augmenter | null } = {}) {
  const reads: number[][] = [];
  const reader: SampleReader = {
    read(indices, pixels, labels) {
      reads.push([...indices]);
      for (const [i, index] of indices.entries()) {
        if (index === options.absent) throw new Error(`Sample ${index} is not here.`);
        pixels.set([index, index + 1, 0], i * sampleBytes);
        labels[i] = index % 10;
      }
    },
  };
  const { maxReadyBytes = 1 << 20, augment = tint } = options;
  const inputs = createInputs({ reader, augment, sampleBytes, capacity, maxReadyBytes });
  const batch: Batch = { pixels: new Uint8Array(0), labels: new Uint8Array(0), count: 0 };
  /** Loads a whole block, piece by piece; returns what was read meanwhile. */
  const train = (block: InputsOfBlock): number[][] => {
    const before = reads.length;
    for (let first = 0; first < block.samples.length; first += capacity) {
      const count = Math.min(capacity, block.samples.length - first);
      inputs.train(batch, block, first, count);
      const samples = [...block.samples.subarray(first, first + count)];
      expect([...batch.pixels.subarray(0, count * sampleBytes)]).toEqual(
        samples.flatMap((index) => [index, index + 1, block.epoch]),
      );
      expect([...batch.labels.subarray(0, count)]).toEqual(samples.map((index) => index % 10));
      expect(batch.count).toBe(count);
    }
    return reads.slice(before);
  };
  return { inputs, batch, reads, train };
}

const block = (first: number, count: number, epoch = 0): InputsOfBlock => ({
  samples: Uint32Array.from({ length: count }, (_, i) => first + i),
  epoch,
});

describe('the inputs of a block', () => {
  it('are read when they are asked for, if nobody expected them', () => {
    const { train } = createWorld();
    expect(train(block(10, 6, 2))).toEqual([
      [10, 11, 12, 13],
      [14, 15],
    ]);
  });

  it('are there without a further look at the pack, if they were expected', () => {
    const { inputs, train } = createWorld();
    inputs.prepare(block(10, 6, 2));
    expect(train(block(10, 6, 2))).toEqual([]);
    expect(train(block(10, 6, 2))).toEqual([]);
  });

  it.each([
    ['another epoch', block(10, 6, 3)],
    ['another sample', { samples: Uint32Array.of(10, 11, 12, 13, 14, 16), epoch: 2 }],
    ['fewer samples', block(10, 5, 2)],
    ['no expectation of them', block(90, 4, 2)],
  ])('are those of the block that comes: %s', (_, other) => {
    const { inputs, train } = createWorld();
    inputs.prepare(block(10, 6, 2));
    expect(train(other).flat()).toEqual([...other.samples]);
    expect(train(block(10, 6, 2)).flat()).toEqual([...block(10, 6, 2).samples]);
  });

  it('are not read at another time where nothing is done with them', () => {
    const { inputs, reads, train } = createWorld({ augment: null });
    inputs.prepare(block(10, 4));
    expect(reads).toEqual([]);
    expect(train(block(10, 4))).toEqual([[10, 11, 12, 13]]);
  });

  it('are ready as far as there is room', () => {
    const { inputs, reads, train } = createWorld({ maxReadyBytes: 2 * capacity * sampleBytes + 5 });
    inputs.prepare(block(20, 11));
    expect(reads.flat()).toEqual([20, 21, 22, 23, 24, 25, 26, 27]);
    expect(train(block(20, 11))).toEqual([[28, 29, 30]]);
  });

  it('survive a validation in between', () => {
    const { inputs, batch, train } = createWorld();
    inputs.prepare(block(10, 4, 1));
    inputs.evaluate(batch, Uint32Array.of(50, 60, 70), 1, 2);
    expect([...batch.pixels.subarray(0, 2 * sampleBytes)]).toEqual([60, 61, 0, 70, 71, 0]);
    expect(train(block(10, 4, 1))).toEqual([]);
  });

  it('that cannot be read are no matter until they are asked for', () => {
    const { inputs, train } = createWorld({ absent: 13 });
    inputs.prepare(block(10, 6));
    expect(() => train(block(10, 6))).toThrow('Sample 13 is not here.');
    expect(train(block(20, 2))).toEqual([[20, 21]]);
  });

  it('are no longer made ready where other blocks come than were expected; later it is tried again', () => {
    const { inputs, reads, train } = createWorld();
    const expectations: boolean[] = [];
    for (let round = 0; round < 80; round++) {
      const before = reads.length;
      inputs.prepare(block(100, 4));
      expectations.push(reads.length > before);
      train(block(2 * round, 4));
    }
    expect(expectations.slice(0, 3)).toEqual([true, true, false]);
    const tried = expectations.filter(Boolean).length;
    expect(tried).toBeGreaterThan(2);
    expect(tried).toBeLessThan(10);
    const comesAsExpected = (): boolean => {
      inputs.prepare(block(7, 4));
      return train(block(7, 4)).length === 0;
    };
    const first = Array.from({ length: 80 }, comesAsExpected).indexOf(true);
    expect(first).toBeGreaterThanOrEqual(0);
    // One is enough to go on.
    expect(Array.from({ length: 10 }, comesAsExpected)).not.toContain(false);
  });
});
