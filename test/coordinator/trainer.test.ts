import { describe, expect, it } from 'vitest';
import { createTrainer, type Trainer } from '../../src/coordinator/trainer.js';
import { buildModel, createRandom } from '../../src/engine/index.js';
import { spec } from './run-stage.js';

const model = buildModel(spec.model);
const { learntCount, parameterCount } = model;
const [{ mean, variance, momentum, area }] = model.statistics;
const samples = 64;

/** A gradient sum by seed, with `measured` in the places of the running statistics. */
function gradientSum(seed: number, measured = 0): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: parameterCount }, (_, i) =>
    i < learntCount ? random.normal() : measured,
  );
}

describe('running statistics in a step', () => {
  const optimizers = [
    { type: 'adamw', weightDecay: 0.5 },
    { type: 'sgd', momentum: 0.9, weightDecay: 0.5 },
  ] as const;

  it.each(optimizers)('are moved by the batch alone: no $type, no decay', (optimizer) => {
    const trainer = createTrainer({ ...spec, optimizer }, model, 10);
    for (let step = 0; step < 3; step++) {
      const before = trainer.parameters().slice();
      trainer.apply(gradientSum(step, samples * 0.5), samples);
      const after = trainer.parameters();
      const batchVariance = ((0.5 - 0.25) * samples * area) / (samples * area - 1);
      for (let c = 0; c < mean.length; c++) {
        const old = before[variance.offset + c];
        expect(after[mean.offset + c]).toBe(Math.fround(before[mean.offset + c] + momentum * 0.5));
        expect(after[variance.offset + c]).toBe(Math.fround(old + momentum * (batchVariance - old)));
      }
    }
    for (const slot of Object.values(trainer.optimizerState().slots)) expect(slot).toHaveLength(learntCount);
  });

  it('count neither for the norm nor for clipping', () => {
    for (const clipNorm of [null, 0.01]) {
      const [one, other] = [0, 1e6].map((measured) => {
        const trainer = createTrainer({ ...spec, clipNorm }, model, 10);
        const { gradientNorm } = trainer.apply(gradientSum(1, measured), samples);
        return { gradientNorm, learnt: trainer.parameters().slice(0, learntCount) };
      });
      expect(other).toEqual(one);
      expect(one.gradientNorm).toBeGreaterThan(0.01);
    }
  });
});

// Five steps to an epoch.
const late = (delay: number): Trainer => createTrainer({ ...spec, epochs: 2, delay }, model, 10);
const after = (trainer: Trainer, steps: number): Float32Array[] =>
  Array.from({ length: steps + 1 }, (_, step) => {
    if (step > 0) trainer.apply(gradientSum(step), samples);
    return trainer.parameters().slice();
  });

describe('earlier parameters', () => {
  it('are there for as many steps as the delay has, and no longer', () => {
    const trainer = late(2);
    const versions = after(trainer, 4);
    const held = [0, 1, 2, 3, 4, 5].map((step) => trainer.parametersAfter(step));
    expect(held).toEqual([null, null, versions[2], versions[3], versions[4], null]);
    expect(late(0).parametersAfter(0)).not.toBeNull();
  });

  it('are kept in a checkpoint as far as a step of this epoch is computed on them', () => {
    const counts = [0, 1, 2].map((delay) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((steps) => {
        const trainer = late(delay);
        after(trainer, steps);
        return trainer.kept().previous.length;
      }),
    );
    expect(counts).toEqual([
      [0, 0, 0, 0, 0, 0, 0, 0],
      [0, 1, 1, 1, 1, 0, 1, 1],
      [0, 1, 2, 2, 2, 0, 1, 2],
    ]);
  });

  it('come back with it, and a run that lacks them is not gone on with', () => {
    const trainer = late(2);
    const versions = after(trainer, 4);
    const restored = late(2);
    restored.restore(4, trainer.parameters(), trainer.optimizerState(), trainer.kept());
    expect([2, 3, 4].map((step) => restored.parametersAfter(step))).toEqual(versions.slice(2));
    expect(() =>
      late(2).restore(4, trainer.parameters(), trainer.optimizerState(), { ...trainer.kept(), previous: [] }),
    ).toThrow('a delay of 2 wants 2 of them, it has 0');
  });
});
