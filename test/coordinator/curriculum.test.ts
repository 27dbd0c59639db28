import { describe, expect, it } from 'vitest';
import { createCurriculum } from '../../src/coordinator/curriculum.js';
import { chooseCut, samplesOfBlock } from '../../src/coordinator/cut.js';
import { parseTrainingSpec } from '../../src/coordinator/spec.js';
import { namedSpecs } from '../../src/engine/index.js';
import { createFakePack } from './fake-pack.js';

const { manifest } = createFakePack({ 'training-a': 300, 'training-b': 70 });
const spec = parseTrainingSpec({
  model: namedSpecs.get('lenet'),
  preprocessing: manifest.preprocessing,
  optimizer: 'sgd',
  schedule: 'constant',
  learningRate: 0.1,
  epochs: 2,
  batch: 128,
  microshards: 4,
  seed: 3,
  validate: { folder: 'training-b' },
  trainFolders: ['training-a'],
});

describe('the curriculum', () => {
  const curriculum = createCurriculum(spec, manifest);
  const unit = (mode: 'train' | 'evaluate', step: number, pass: number, node: number): number[] => [
    ...curriculum.samplesOf({ mode, step, pass, node }),
  ];

  it('shows every training sample once an epoch, each epoch in another order', () => {
    expect(curriculum).toMatchObject({
      trainSamples: 300,
      validationSamples: 70,
      stepsPerEpoch: 3,
      totalSteps: 6,
    });
    const first = [0, 1, 2].flatMap((step) => unit('train', step, 0, 1));
    const second = [3, 4, 5].flatMap((step) => unit('train', step, 0, 1));
    expect(first).toHaveLength(300);
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(second.toSorted((a, b) => a - b)).toEqual(first.toSorted((a, b) => a - b));
    expect(second).not.toEqual(first);
  });

  it('gives a node what its children have, in their order, also in a short batch', () => {
    for (const step of [0, 2]) {
      for (const node of [1, 2, 3]) {
        const children = [...unit('train', step, 0, 2 * node), ...unit('train', step, 0, 2 * node + 1)];
        expect(unit('train', step, 0, node)).toEqual(children);
      }
    }
    expect([4, 5, 6, 7].map((leaf) => unit('train', 2, 0, leaf).length)).toEqual([32, 12, 0, 0]);
  });

  it('validates every held-out sample once', () => {
    const seen = unit('evaluate', 2, 1, 1);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 70 }, (_, i) => 300 + i));
  });

  it.each([
    // Batches of 128, over 4 leaves.
    [512, 32, 4],
    [513, 64, 3],
    [3_000, 192, 4],
    [40_000, 256, 40],
  ])('validates %i samples in leaves of %i: %i passes, each sample once', (count, perLeaf, passes) => {
    const long = createFakePack({ 'training-a': 300, 'training-b': count }).manifest;
    const longer = createCurriculum(spec, long);
    expect(longer.evaluationLeafSamples).toBe(perLeaf);
    const perPass = Array.from({ length: passes }, (_, i) => [
      ...longer.samplesOf({ mode: 'evaluate', step: 0, pass: i + 1, node: 1 }),
    ]);
    expect(perPass.flat().toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => 300 + i),
    );
    const leaves = [4, 5, 6, 7].map((node) => longer.samplesOf({ mode: 'evaluate', step: 0, pass: 1, node }));
    expect(leaves.flatMap((leaf) => [...leaf])).toEqual(perPass[0]);
    for (const leaf of leaves) expect(leaf.length).toBeLessThanOrEqual(perLeaf);
  });

  it('takes everything for training where there is no validation', () => {
    const all = createCurriculum({ ...spec, validate: null }, manifest);
    expect(all).toMatchObject({ trainSamples: 370, validationSamples: 0 });
  });
});

describe('the cut', () => {
  it('has a block for every thread as long as there are samples for them', () => {
    expect(chooseCut(16, 16, 256, 1)).toEqual([1]);
    expect(chooseCut(16, 16, 256, 4)).toEqual([4, 5, 6, 7]);
    expect(chooseCut(4, 16, 64, 100)).toEqual([4, 5, 6, 7]);
    expect(chooseCut(4, 16, 64, 0)).toEqual([1]);
  });

  it('is finer for a short step', () => {
    const cut = chooseCut(16, 16, 70, 2);
    const busy = cut.filter((node) => samplesOfBlock(node, 16, 16, 70).count > 0);
    expect(busy.length).toBeGreaterThanOrEqual(2);
    expect(cut.reduce((sum, node) => sum + samplesOfBlock(node, 16, 16, 70).count, 0)).toBe(70);
  });
});
