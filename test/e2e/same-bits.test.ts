import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWorkshop, type Workshop } from '../support/small-run.js';
import { train } from '../support/train.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(async () => await workshop.dispose());

it('in one process, one, two and three workers, and threads instead of workers, give the same model file', async () => {
  const { epochs, modelSha256 } = await train(workshop, { out: 'one', workers: 1 });
  expect(epochs).toBe(2);
  for (const [workers, threads] of [
    [2, 1],
    [3, 1],
    [1, 2],
  ] as const) {
    const out = `${workers}-of-${threads}`;
    expect((await train(workshop, { out, workers, threads })).modelSha256, out).toBe(modelSha256);
  }
});
