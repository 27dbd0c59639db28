import { expect, it } from 'vitest';
import { type Batch, createLocalTraining, type LocalTrainingSpec } from '../../src/engine/index.js';
import { createReplica } from '../../src/worker/replica.js';
import { model, newPlan, order, reader, sampleBytes, seed, sharedParameters } from './small-run.js';

const training: LocalTrainingSpec = {
  steps: 4,
  optimizer: { type: 'adam' },
  schedule: { type: 'cosine' },
  learningRate: 0.01,
  totalSteps: 40,
  clipNorm: null,
};
const perStep = 16;

const tallied = (tally: { lossSum: number }): number => tally.lossSum;

function stage() {
  const plan = newPlan();
  const batch: Batch = {
    pixels: new Uint8Array(perStep * sampleBytes),
    labels: new Uint8Array(perStep),
    count: 0,
  };
  const load = (first: number, count: number): void => {
    reader.read(order.slice(first, first + count), batch.pixels, batch.labels);
    batch.count = count;
  };
  const local = createLocalTraining(model, training);
  return { plan, batch, load, local };
}

it.each([
  [64, 4],
  [40, 3],
  [0, 0],
])('of %i samples gives back how far its %i steps went, times its samples', (samples, steps) => {
  const { plan, batch, load, local } = stage();
  const parameters = new Float32Array(sharedParameters());
  const expected = parameters.slice();
  const gradient = new Float32Array(model.parameterCount);
  local.begin();
  let losses = 0;
  for (let inner = 0; inner < steps; inner++) {
    load(inner * perStep, Math.min(perStep, samples - inner * perStep));
    const key = { seed, step: 5 * 4 + inner, microshard: 2 };
    losses += plan.gradient(expected, batch, key, gradient).lossSum;
    local.step(expected, gradient, batch.count, key.step);
  }

  const own = stage();
  const replica = createReplica(model, own.plan, own.local, own.batch);
  const difference = new Float32Array(model.parameterCount).fill(Number.NaN);
  const work = { parameters, samples, perStep, seed, step: 5, replica: 2 };
  // Another replica before it leaves no trace.
  replica({ ...work, samples: 32, step: 1 }, own.load, difference, tallied, () => false);
  expect(replica(work, own.load, difference, tallied, () => false)).toBe(losses);
  const found = Array.from(difference);
  expect(found).toEqual(Array.from(parameters, (w, i) => Math.fround(samples * (w - expected[i]))));
  expect(found.some((value) => value !== 0)).toBe(samples > 0);
  expect(Array.from(parameters)).toEqual(Array.from(new Float32Array(sharedParameters())));
});

it('stops between two steps', () => {
  const { plan, batch, load, local } = stage();
  const replica = createReplica(model, plan, local, batch);
  let loads = 0;
  const counted = (first: number, count: number): void => {
    loads += 1;
    load(first, count);
  };
  const work = {
    parameters: new Float32Array(sharedParameters()),
    samples: 64,
    perStep,
    seed,
    step: 0,
    replica: 0,
  };
  const difference = new Float32Array(model.parameterCount);
  replica(
    work,
    counted,
    difference,
    () => 0,
    () => loads === 2,
  );
  expect(loads).toBe(2);
});
