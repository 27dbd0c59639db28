import type { Augmenter, SampleReader } from '../data/index.js';
import type { Batch } from '../engine/index.js';

/** Samples of a block of training. */
export interface InputsOfBlock {
  samples: Uint32Array;
  /** Of its step: what is drawn for a sample is keyed by it. */
  epoch: number;
}

/**
 * The samples that a thread computes on, read from the pack and, in training, augmented. Those of the block that it expects next are made ready
 * while it would wait for the weights: they do not depend on them.
 */
export interface Inputs {
  /** batch ← the block's samples [first, first + count), augmented. At most `capacity`. */
  train(batch: Batch, block: InputsOfBlock, first: number, count: number): void;
  /** The same without augmentation. */
  evaluate(batch: Batch, samples: Uint32Array, first: number, count: number): void;
  /**
   * Makes ready what the next calls of `train` are expected to ask for, or its beginning. Only time depends on it: the bytes are the same if another
   * block comes, or none. Nothing where images are trained on as they are. Never throws: whatever is the matter with them is told when they are
   * asked for.
   */
  prepare(block: InputsOfBlock): void;
}

export interface InputsOptions {
  reader: SampleReader;
  /** Null: images are trained on as they are. */
  augment: Augmenter | null;
  /** Bytes of one sample's pixels. */
  sampleBytes: number;
  /** Samples that are loaded at once. */
  capacity: number;
  /** Bytes of pixels that may be ready at once. */
  maxReadyBytes?: number;
}

const defaultReadyBytes = 16 << 20;
/** Expected blocks that did not come, one after the other, until nothing is expected any more. */
const mostMisses = 2;
/** How many blocks later it is tried again. */
const retryAfter = 32;

export function createInputs(options: InputsOptions): Inputs {
  const { reader, augment, sampleBytes, capacity, maxReadyBytes = defaultReadyBytes } = options;
  const pixels = new Uint8Array(capacity * sampleBytes);
  const labels = new Uint8Array(capacity);
  const mostReady = Math.floor(maxReadyBytes / sampleBytes / capacity) * capacity;
  let ready = { pixels: new Uint8Array(0), labels: new Uint8Array(0) };
  let expected: { block: InputsOfBlock; count: number } | null = null;
  let misses = 0;
  let blocksToSkip = 0;

  /** How many of the block's samples are ready. One that was not expected ends the expectation. */
  const readyOf = (block: InputsOfBlock): number => {
    if (expected === null) return 0;
    if (!isSame(expected.block, block)) {
      misses += 1;
      expected = null;
      return 0;
    }
    misses = 0;
    // Asked for piece by piece: from now on it is known by its array.
    expected.block = block;
    return expected.count;
  };

  return {
    train(batch, block, first, count) {
      batch.count = count;
      if (first + count <= readyOf(block)) {
        batch.pixels = ready.pixels.subarray(first * sampleBytes, (first + count) * sampleBytes);
        batch.labels = ready.labels.subarray(first, first + count);
        return;
      }
      const indices = block.samples.subarray(first, first + count);
      reader.read(indices, pixels, labels);
      augment?.(pixels, indices, block.epoch);
      batch.pixels = pixels;
      batch.labels = labels;
    },
    evaluate(batch, samples, first, count) {
      reader.read(samples.subarray(first, first + count), pixels, labels);
      batch.pixels = pixels;
      batch.labels = labels;
      batch.count = count;
    },
    prepare(block) {
      expected = null;
      // Reading alone takes less than it costs to do it at another time (decision 19).
      if (augment === null) return;
      if (misses >= mostMisses) {
        misses = 0;
        blocksToSkip = retryAfter;
      }
      if (blocksToSkip > 0) {
        blocksToSkip -= 1;
        return;
      }
      const count = Math.min(block.samples.length, mostReady);
      if (ready.labels.length < count)
        ready = { pixels: new Uint8Array(count * sampleBytes), labels: new Uint8Array(count) };
      try {
        for (let first = 0; first < count; first += capacity) {
          const indices = block.samples.subarray(first, Math.min(count, first + capacity));
          const at = ready.pixels.subarray(first * sampleBytes, (first + indices.length) * sampleBytes);
          reader.read(indices, at, ready.labels.subarray(first, first + indices.length));
          augment(at, indices, block.epoch);
        }
      } catch {
        return;
      }
      if (count > 0) expected = { block, count };
    },
  };
}

function isSame(a: InputsOfBlock, b: InputsOfBlock): boolean {
  return (
    a.epoch === b.epoch &&
    a.samples.length === b.samples.length &&
    (a.samples === b.samples || a.samples.every((sample, i) => sample === b.samples[i]))
  );
}
