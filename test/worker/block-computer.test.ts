import { describe, expect, it } from 'vitest';
import { type Batch, encodedBytes, streamWords } from '../../src/engine/index.js';
import type { BlockSums } from '../../src/worker/compute-messages.js';
import { createErrorFeedback } from '../../src/worker/error-feedback.js';
import {
  kernels,
  microshards,
  model,
  newComputer,
  newPlan,
  order,
  perMicroshard,
  reader,
  request,
  sampleBytes,
  seed,
  sharedParameters,
} from './small-run.js';

const never = (): boolean => false;

function whole(sums: BlockSums | null): BlockSums {
  if (sums === null) throw new Error('Expected sums, the computation was abandoned.');
  return sums;
}

/** Children into their parent, as the coordinator does it. */
function fold(left: BlockSums, right: BlockSums): BlockSums {
  const gradient = left.gradient.slice();
  kernels.add(gradient, right.gradient);
  return {
    samples: left.samples + right.samples,
    lossSum: left.lossSum + right.lossSum,
    correct: left.correct + right.correct,
    confusion: left.confusion.map((n, i) => n + (right.confusion[i] ?? 0)),
    gradient,
    encoded: null,
  };
}

function foldFrom(node: number, leafLevel: number, of: (node: number) => BlockSums): BlockSums {
  if (node >= leafLevel) return of(node);
  return fold(foldFrom(node * 2, leafLevel, of), foldFrom(node * 2 + 1, leafLevel, of));
}

describe('a block', () => {
  it('of one microshard is what the plan says, bit for bit', () => {
    const compute = newComputer();
    const plan = newPlan();
    for (let leaf = 0; leaf < microshards; leaf++) {
      const samples = order.slice(leaf * perMicroshard, (leaf + 1) * perMicroshard);
      const batch: Batch = {
        pixels: new Uint8Array(samples.length * sampleBytes),
        labels: new Uint8Array(samples.length),
        count: samples.length,
      };
      reader.read(samples, batch.pixels, batch.labels);
      const gradient = new Float32Array(model.parameterCount);
      const parameters = new Float32Array(sharedParameters());
      const tally = plan.gradient(parameters, batch, { seed, step: 5, microshard: leaf }, gradient);
      const sums = whole(compute(request(microshards + leaf, microshards * perMicroshard), never));
      expect(Buffer.from(sums.gradient.buffer).equals(Buffer.from(gradient.buffer))).toBe(true);
      expect(sums).toMatchObject({ samples: 16, lossSum: tally.lossSum, correct: tally.correct });
    }
  });

  it.each([128, 100, 50, 16, 7, 0])('has the same bits however a step of %i samples is cut', (batch) => {
    const compute = newComputer();
    const of = (node: number): BlockSums => whole(compute(request(node, batch), never));
    const root = of(1);
    expect(root.samples).toBe(batch);
    for (const leafLevel of [2, 4, 8]) {
      const folded = foldFrom(1, leafLevel, of);
      expect(Buffer.from(folded.gradient.buffer).equals(Buffer.from(root.gradient.buffer))).toBe(true);
      expect(Object.is(folded.lossSum, root.lossSum)).toBe(true);
      expect(folded).toMatchObject({ samples: root.samples, correct: root.correct });
    }
  });

  it('leaves no trace in the next one', () => {
    const compute = newComputer();
    const first = whole(compute(request(3, 128), never));
    compute(request(1, 50), never);
    const again = whole(compute(request(3, 128), never));
    expect(again).toEqual(first);
  });

  it('is evaluated over microshards of any size, with the same sums however it is cut', () => {
    const compute = newComputer();
    const of = (node: number): BlockSums =>
      whole(compute(request(node, 190, { mode: 'evaluate', perMicroshard: 25 }), never));
    const root = of(1);
    const folded = foldFrom(1, 8, of);
    expect(folded).toEqual(root);
    expect(root.gradient).toHaveLength(0);
    expect(root.confusion.reduce((sum, n) => sum + n, 0)).toBe(190);
    const diagonal = root.confusion.filter((_, i) => i % (model.classes + 1) === 0);
    expect(diagonal.reduce((sum, n) => sum + n, 0)).toBe(root.correct);
  });

  it('stops between two microshards when it is abandoned', () => {
    let left = 3;
    expect(newComputer()(request(1, 128), () => left-- <= 0)).toBeNull();
  });

  it('refuses samples, nodes and sizes that do not exist', () => {
    const compute = newComputer();
    expect(() => compute(request(8, 128, { samples: Uint32Array.of(1, 9999) }), never)).toThrow(/9999/);
    expect(() => compute(request(16, 128), never)).toThrow(RangeError);
    expect(() => compute(request(8, 128, { samples: order.slice(0, 17) }), never)).toThrow(RangeError);
    expect(() => compute(request(8, 128, { perMicroshard: 32 }), never)).toThrow(/at most 16/);
    // And goes on afterwards.
    expect(whole(compute(request(8, 128), never)).samples).toBe(16);
  });

  it('thinned out is its largest values, and what was left over of the blocks before', () => {
    const { learntCount: learnt, parameterCount: count } = model;
    const kept = 20;
    const exact = [2, 3].map((node) => whole(newComputer()(request(node, 128), never)).gradient);
    const compute = newComputer('topk', kept);
    const feedback = createErrorFeedback(kernels, { count, learnt, kept });
    for (const [i, node] of [2, 3].entries()) {
      const { encoded, gradient } = whole(compute(request(node, 128), never));
      expect(gradient).toHaveLength(0);
      expect(encoded?.encoding).toBe('topk');
      expect(encoded?.bytes).toEqual(feedback.encode(exact[i], { fence: 1, samples: 64 }));
    }
    // Of a block that is abandoned, or only evaluated, nothing is left over.
    expect(compute(request(2, 128), () => true)).toBeNull();
    expect(whole(compute(request(2, 128, { mode: 'evaluate' }), never)).encoded).toBeNull();
    const again = whole(compute(request(2, 128), never)).encoded?.bytes;
    expect(again).toEqual(feedback.encode(exact[0], { fence: 1, samples: 64 }));
  });

  it('in another encoding is its sum, rounded alike by whoever computes it', () => {
    for (const encoding of ['fp16', 'int8'] as const) {
      const [one, again] = [1, 2].map(() => whole(newComputer(encoding)(request(1, 128), never)));
      const { gradient } = whole(newComputer()(request(1, 128), never));
      const expected = new Uint8Array(encodedBytes(encoding, model.parameterCount));
      kernels.encode(expected, gradient, encoding, streamWords(seed, 0x72_6f_75, 5, 1));
      for (const { encoded, gradient: rest } of [one, again]) {
        expect(rest).toHaveLength(0);
        expect(encoded?.encoding).toBe(encoding);
        expect(Buffer.from(encoded?.bytes ?? []).equals(expected)).toBe(true);
      }
      const validated = whole(newComputer(encoding)(request(1, 128, { mode: 'evaluate' }), never));
      expect(validated.encoded).toBeNull();
    }
  });
});
