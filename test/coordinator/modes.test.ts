import { describe, expect, it } from 'vitest';
import { createCurriculum } from '../../src/coordinator/curriculum.js';
import { createTreeFold } from '../../src/coordinator/fold.js';
import { localTrainingOf, parseTrainingSpec } from '../../src/coordinator/spec.js';
import { openResult } from '../../src/coordinator/step-work.js';
import { createTrainer } from '../../src/coordinator/trainer.js';
import {
  buildModel,
  createRandom,
  createVectorPool,
  encodedBytes,
  referenceKernels,
  streamWords,
} from '../../src/engine/index.js';
import type { Encoding, Result } from '../../src/protocol/index.js';
import { result as sampleResult } from '../transport/samples.js';
import { pack, spec } from './run-stage.js';
import { Driver, published } from './support.js';

const model = buildModel(spec.model);
const { learntCount, parameterCount } = model;
const local = parseTrainingSpec({
  ...spec,
  mode: { type: 'local-sgd', localSteps: 2, replicas: 4, outer: { learningRate: 0.5, momentum: 0.8 } },
});

describe('local SGD', () => {
  it('gives each replica the samples of all its steps, and no sample twice in an epoch', () => {
    const curriculum = createCurriculum(local, pack.manifest);
    expect(curriculum).toMatchObject({ trainSamples: 200, stepsPerEpoch: 2, totalSteps: 8 });
    const replicas = [4, 5, 6, 7].map((node) =>
      curriculum.samplesOf({ mode: 'train', step: 0, pass: 0, node }),
    );
    expect(replicas.map(({ length }) => length)).toEqual([32, 32, 32, 32]);
    const rest = curriculum.samplesOf({ mode: 'train', step: 1, pass: 0, node: 1 });
    const shown = [...replicas, rest].flatMap((samples) => [...samples]);
    expect(new Set(shown).size).toBe(200);
  });

  it('tells its workers to go on along the schedule, over all inner steps of the run', () => {
    expect(localTrainingOf(local, 8)).toMatchObject({
      steps: 2,
      totalSteps: 16,
      learningRate: 0.01,
      clipNorm: 5,
    });
    expect(localTrainingOf(spec, 8)).toBeNull();
  });

  it('steps along the mean difference with Nesterov momentum, and takes over the running statistics', () => {
    const trainer = createTrainer(local, model, 8);
    const samples = 40;
    const random = createRandom(3);
    let velocity = new Float64Array(learntCount);
    for (let step = 0; step < 3; step++) {
      const before = trainer.parameters().slice();
      const mean = Float32Array.from({ length: parameterCount }, () => random.normal() * 0.01);
      // Of positive variances one stays positive.
      mean.fill(-0.25, learntCount);
      trainer.apply(
        mean.map((value) => value * samples),
        samples,
      );
      const after = trainer.parameters();
      velocity = velocity.map((v, i) => 0.8 * v + mean[i]);
      for (let i = 0; i < learntCount; i++)
        expect(after[i]).toBeCloseTo(before[i] - 0.5 * (mean[i] + 0.8 * velocity[i]), 5);
      for (let i = learntCount; i < parameterCount; i++) expect(after[i]).toBeCloseTo(before[i] + 0.25, 5);
    }
  });
});

const encoded = (values: Float32Array, encoding: Encoding): Uint8Array => {
  const bytes = new Uint8Array(encodedBytes(encoding, values.length));
  referenceKernels.encode(bytes, values, encoding, streamWords(1));
  return bytes;
};

describe('a gradient in int8', () => {
  const count = 300;
  const form = { encoding: 'int8', count } as const;
  const values = Float32Array.from({ length: count }, (_, i) => createRandom(8, i).normal());
  const result = (changes: Partial<Result> = {}): Result =>
    sampleResult('r', { encoding: 'int8', gradient: encoded(values, 'int8'), ...changes });
  const header = (changes: Partial<Result> = {}) =>
    openResult(result(changes), 0, form, 0, referenceKernels).header;

  it('has as many values as were asked for if its bytes are as many as those take, and no other number else', () => {
    expect(header()).toMatchObject({ gradientLength: count, finite: true });
    const short = encoded(values, 'int8').subarray(0, encodedBytes('int8', count) - 4);
    expect(header({ gradient: short }).gradientLength).not.toBe(count);
    for (const encoding of ['f32', 'fp16'] as const)
      expect(header({ encoding, gradient: encoded(values, encoding) }).gradientLength).not.toBe(count);
    const mislabelled = encoded(new Float32Array(encodedBytes('int8', count) / 4), 'f32');
    expect(header({ encoding: 'f32', gradient: mislabelled }).gradientLength).not.toBe(count);
    expect(header({ encoding: 'f32', gradient: new Uint8Array(0) }).gradientLength).toBe(0);
  });

  it('is not finite if one value was not, nor with a loss that is not', () => {
    const spoilt = values.slice();
    spoilt[299] = Number.POSITIVE_INFINITY;
    expect(header({ gradient: encoded(spoilt, 'int8') }).finite).toBe(false);
    expect(header({ lossSum: Number.NaN }).finite).toBe(false);
    // Bytes that would be NaN as f32 are plain numbers here.
    const ones = encoded(values, 'int8').fill(0xff, 8);
    expect(header({ gradient: ones })).toMatchObject({ gradientLength: count, finite: true });
  });

  it('has a fingerprint of its own bytes', () => {
    const other = encoded(values, 'int8');
    other[100] ^= 1;
    expect(header({ gradient: other }).hash).not.toBe(header().hash);
    expect(header().hash).toBe(header().hash);
  });

  it('is folded as the values that it stands for, whichever comes first', () => {
    const other = values.map((value) => 1 - value);
    const [left, right] = [values, other].map(
      (x) => ({ encoding: 'int8', bytes: encoded(x, 'int8') }) as const,
    );
    const expected = new Float32Array(count);
    referenceKernels.decode(expected, left.bytes, 'int8', false);
    referenceKernels.decode(expected, right.bytes, 'int8', true);
    const sums = { samples: 1, lossSum: 1, correct: 1 };
    for (const order of [
      [2, 3],
      [3, 2],
    ]) {
      const fold = createTreeFold(referenceKernels, createVectorPool(count));
      for (const node of order) fold.insert(node, node === 2 ? left : right, sums);
      expect(fold.root()?.gradient).toEqual(expected);
    }
  });
});

/** Nodes of the first step after workers of so many threads are there. */
const cutFor = (...threads: number[]): number[] => {
  const d = new Driver({ microshards: 16, trainSamples: 256, minWorkers: threads.length });
  d.post({ type: 'started' });
  return published(threads.flatMap((n, i) => d.join(`w${i}`, n))).map(({ node }) => node);
};

describe('threads of one worker', () => {
  it.each([
    [[1], [1]],
    [[2], [1]],
    [[4], [1]],
    [
      [1, 1],
      [2, 3],
    ],
    [
      [2, 2],
      [2, 3],
    ],
    [
      [4, 4, 4, 4],
      [4, 5, 6, 7],
    ],
    // Where threads would be left over, fewer of them share.
    [
      [2, 4, 2],
      [4, 5, 6, 7],
    ],
    [
      [6, 2],
      [4, 5, 6, 7],
    ],
    [
      [1, 3],
      [4, 5, 6, 7],
    ],
  ])('of %j share blocks as far as it comes out even for all', (threads, nodes) => {
    expect(cutFor(...threads)).toEqual(nodes);
  });

  it('have a block each in a validation', () => {
    const d = new Driver({ trainSamples: 64, validationSamples: 64 });
    d.post({ type: 'started' });
    const [task] = published(d.join('w1', 4));
    expect(task.node).toBe(1);
    expect(published(d.perform(d.result(task))).map(({ node }) => node)).toEqual([4, 5, 6, 7]);
  });
});

describe('a fixed number of blocks', () => {
  it.each([1, 2, 3])('is what a training step is cut into, with %i threads', (threads) => {
    const d = new Driver({ gradientBlocks: 2, validationSamples: 64 });
    d.post({ type: 'started' });
    const tasks = published(d.join('w1', threads));
    expect(tasks.map(({ node }) => node)).toEqual([2, 3]);
  });

  it('does not hold for a validation, which sends no gradients', () => {
    const d = new Driver({ gradientBlocks: 1, trainSamples: 64, validationSamples: 64 });
    d.post({ type: 'started' });
    const [task] = published(d.join('w1', 4));
    expect(task.node).toBe(1);
    const validation = published([...d.perform(d.result(task))]);
    expect(validation.filter(({ mode }) => mode === 'evaluate')).toHaveLength(4);
  });
});
