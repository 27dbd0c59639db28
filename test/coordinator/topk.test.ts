import { describe, expect, it } from 'vitest';
import { decodeInto } from '../../src/coordinator/arrived-gradient.js';
import { createTreeFold } from '../../src/coordinator/fold.js';
import { openResult } from '../../src/coordinator/step-work.js';
import { createRandom, createVectorPool, encodeSparse, referenceKernels } from '../../src/engine/index.js';
import type { Result } from '../../src/protocol/index.js';
import { result as sampleResult } from '../transport/samples.js';
import { Driver, published } from './support.js';

const kernels = referenceKernels;
const form = { encoding: 'topk', count: 503, learnt: 500, kept: 25 } as const;

/** Values that half floats hold, at places of the seed's. */
function bytesOf(seed: number): Uint8Array {
  const random = createRandom(seed);
  const places = new Int32Array(form.kept);
  kernels.selectLargest(
    places,
    Float32Array.from({ length: form.learnt }, () => random.float()),
  );
  const values = Float32Array.from(places, () => random.below(2000) - 1000);
  return encodeSparse(kernels, form, { places, values, rest: Float32Array.of(1, 2, 3) });
}

const open = (changes: Partial<Result> = {}) =>
  openResult(sampleResult('r', { encoding: 'topk', gradient: bytesOf(1), ...changes }), 0, form, 0, kernels);

/** With other bits in place of two of its bytes. */
const spoilt = (at: number, bits: number): Uint8Array => {
  const bytes = bytesOf(1);
  new DataView(bytes.buffer).setUint16(at, bits, true);
  return bytes;
};

describe('a gradient of its largest values', () => {
  it('has as many values as the dense one that it stands for', () => {
    expect(open().header).toMatchObject({ gradientLength: form.count, finite: true });
    expect(open().header).not.toHaveProperty('fault');
  });

  it('in a validation has none', () => {
    const header = open({ mode: 'evaluate', encoding: 'f32', gradient: new Uint8Array(0) }).header;
    expect(header).toMatchObject({ gradientLength: 0, finite: true });
  });

  it('of another encoding is not taken for one, however long', () => {
    for (const encoding of ['f32', 'fp16', 'int8', 'bf16'] as const)
      expect(open({ encoding, gradient: new Uint8Array(form.count * 4) }).header.gradientLength).toBe(0);
  });

  it('that cannot be read says why', () => {
    const gradient = bytesOf(1);
    const cut = open({ gradient: gradient.subarray(0, gradient.length - 4) }).header;
    expect(cut.gradientLength).toBeNaN();
    expect(cut.fault).toMatch(/^expected /);
  });

  it('is not finite if one of its values is not, nor with a loss that is not', () => {
    // The third half float; the upper half of the last statistic.
    const statistics = 4 + 52;
    expect(open({ gradient: spoilt(4 + 4, 0x7e00) }).header.finite).toBe(false);
    expect(open({ gradient: spoilt(statistics + 10, 0x7f80) }).header.finite).toBe(false);
    expect(open({ lossSum: Number.POSITIVE_INFINITY }).header.finite).toBe(false);
  });

  it('is no part of the fingerprint: two answers for a block have loss and hits in common, and nothing else', () => {
    const { hash } = open().header;
    expect(open({ gradient: bytesOf(2) }).header.hash).toBe(hash);
    expect(open({ lossSum: 1.000_001 }).header.hash).not.toBe(hash);
    expect(open({ correct: 3 }).header.hash).not.toBe(hash);
  });

  it('is folded as the dense one, whichever comes first', () => {
    const arrived = [1, 2, 3, 4].map((seed) => {
      const { encoded } = open({ gradient: bytesOf(seed) });
      if (encoded === null) throw new Error('Expected values.');
      return encoded;
    });
    const expected = new Float32Array(form.count);
    for (const values of arrived) decodeInto(expected, values, true, kernels);
    expect(expected.subarray(form.learnt)).toEqual(Float32Array.of(4, 8, 12));
    const sums = { samples: 1, lossSum: 1, correct: 1 };
    for (const order of [
      [4, 5, 6, 7],
      [7, 5, 4, 6],
    ]) {
      const fold = createTreeFold(kernels, createVectorPool(form.count));
      // What a step before has left in the buffers.
      for (const node of order) fold.insert(node, new Float32Array(form.count).fill(9), sums);
      fold.reset();
      for (const node of order) fold.insert(node, arrived[node - 4], sums);
      expect(fold.root()?.gradient).toEqual(expected);
    }
  });
});

describe('what cannot be read', () => {
  it('is given to another worker, with what is wrong with it', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    const [task] = published(d.join('w1'));
    d.join('w2');
    const fault = 'expected 25 places, got 24';
    for (const worker of ['w1', 'w2']) {
      const actions = d.post({
        type: 'result',
        header: d.header(task, worker, { gradientLength: Number.NaN, fault }),
      });
      expect(actions).toContainEqual({ type: 'reject', reason: 'wrong_length', worker });
      if (worker === 'w1') expect(published(actions)).toMatchObject([{ node: task.node, attempt: 1 }]);
      else expect(JSON.stringify(actions)).toContain(`its gradient cannot be read: ${fault}`);
    }
  });
});
