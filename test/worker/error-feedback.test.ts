import { describe, expect, it } from 'vitest';
import {
  addSparse,
  createRandom,
  decodeSparse,
  referenceKernels,
  type SparseForm,
} from '../../src/engine/index.js';
import { createErrorFeedback } from '../../src/worker/error-feedback.js';

const kernels = referenceKernels;
const form: SparseForm = { count: 203, learnt: 200, kept: 10 };
const origin = { fence: 1, samples: 64 };

/** What the coordinator makes of the bytes, f32[count]. */
function received(bytes: Uint8Array): Float32Array {
  const sparse = decodeSparse(kernels, form, bytes);
  if (typeof sparse === 'string') throw new Error(sparse);
  const dense = new Float32Array(form.count);
  addSparse(dense, sparse, false);
  return dense;
}

/** Whole numbers: no sum of a few hundred of them is rounded in f32, half floats round those above 2048. */
const wholes = (seed: number, most: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length: form.count }, () => random.below(2 * most + 1) - most);
};

describe('a gradient that is thinned out', () => {
  it('comes as its largest values, and the statistics whole', () => {
    const feedback = createErrorFeedback(kernels, form);
    const gradient = wholes(1, 1000);
    const before = gradient.slice();
    const sent = received(feedback.encode(gradient, origin));
    expect(gradient).toEqual(before);
    expect(sent.subarray(form.learnt)).toEqual(gradient.subarray(form.learnt));
    const sizes = [...gradient.subarray(0, form.learnt)].map(Math.abs).toSorted((a, b) => b - a);
    const least = sizes[form.kept - 1] ?? 0;
    const nonZero = sent.subarray(0, form.learnt).filter((value) => value !== 0);
    expect(nonZero).toHaveLength(form.kept);
    for (const [i, value] of sent.subarray(0, form.learnt).entries()) {
      if (value !== 0) expect(value).toBe(gradient[i]);
      else expect(Math.abs(gradient[i])).toBeLessThanOrEqual(least);
    }
  });

  it.each([
    ['that half floats hold', 1000],
    ['that are rounded on the way', 60_000],
  ])(
    'is sent in full in the end: the sum of what was sent and the residual is the sum of all, of values %s',
    (_, most) => {
      const feedback = createErrorFeedback(kernels, form);
      const given = new Float64Array(form.learnt);
      const sent = new Float64Array(form.learnt);
      for (let step = 0; step < 100; step++) {
        const gradient = wholes(step, most);
        const arrived = received(feedback.encode(gradient, origin));
        for (let i = 0; i < form.learnt; i++) {
          given[i] += gradient[i];
          sent[i] += arrived[i];
          expect(sent[i] + feedback.residual[i]).toBe(given[i]);
        }
      }
      // And nothing waits for ever: every place has been sent.
      expect(sent.every((value) => value !== 0)).toBe(true);
    },
  );

  it('leaves nothing out of what it rounds, whatever the values', () => {
    const random = createRandom(7);
    const feedback = createErrorFeedback(kernels, form);
    for (let step = 0; step < 50; step++) {
      const gradient = Float32Array.from(
        { length: form.count },
        () => random.normal() * 10 ** (random.below(30) - 20),
      );
      const whole = feedback.residual.map((value, i) => value + gradient[i]);
      const arrived = received(feedback.encode(gradient, origin));
      // In doubles, whose sum of two singles this close is exact.
      for (let i = 0; i < form.learnt; i++) expect(arrived[i] + feedback.residual[i]).toBe(whole[i]);
    }
  });

  it('of fewer samples brings what is left over down to as many, and up again', () => {
    const feedback = createErrorFeedback(kernels, form);
    feedback.encode(wholes(1, 1000), { fence: 1, samples: 64 });
    const before = feedback.residual.slice();
    const nothing = new Float32Array(form.count);
    const short = received(feedback.encode(nothing, { fence: 1, samples: 16 }));
    for (let i = 0; i < form.learnt; i++) expect(4 * (short[i] + feedback.residual[i])).toBe(before[i]);
    const left = feedback.residual.slice();
    const full = received(feedback.encode(nothing, { fence: 1, samples: 64 }));
    for (let i = 0; i < form.learnt; i++) expect(full[i] + feedback.residual[i]).toBe(4 * left[i]);
  });

  it('forgets what is left over for a coordinator that was started again', () => {
    const feedback = createErrorFeedback(kernels, form);
    feedback.encode(wholes(1, 1000), { fence: 1, samples: 64 });
    expect(feedback.residual.some((value) => value !== 0)).toBe(true);
    const again = received(feedback.encode(wholes(2, 1000), { fence: 2, samples: 64 }));
    const fresh = received(createErrorFeedback(kernels, form).encode(wholes(2, 1000), origin));
    expect(again).toEqual(fresh);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 3.4028e38])(
    'with %f in it is sent so, and leaves nothing behind',
    (bad) => {
      const feedback = createErrorFeedback(kernels, form);
      const gradient = wholes(1, 1000);
      gradient[77] = bad;
      // Its half float, 2, is one too large for the scale.
      const finite = received(feedback.encode(gradient, origin)).every(Number.isFinite);
      expect(finite).toBe(false);
      expect(feedback.residual).toEqual(new Float32Array(form.learnt));
    },
  );
});
