import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { openWorkshop, type Workshop } from '../support/small-run.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(async () => await workshop.dispose());

/** Trains in this process and returns the SHA-256 of the model file. */
async function train(out: string, workers: number, threads = 1): Promise<string> {
  const transport = createEmbeddedTransport();
  const coordinator = await workshop.coordinator({ transport, out, minWorkers: workers });
  const names = Array.from({ length: workers }, (_, i) => `${out}-${i}`);
  const running = await Promise.all(
    names.map((worker) => workshop.worker({ transport, worker, threads, once: true })),
  );
  const summary = await coordinator.finished;
  expect(summary).toMatchObject({ outcome: 'finished', epochs: 2 });
  const done = await Promise.all(running.map((worker) => worker.finished));
  expect(done.map(({ runs }) => runs)).toEqual(names.map(() => 1));
  await transport.close();
  return summary.modelSha256;
}

describe('in one process', () => {
  it('one, two and three workers, and threads instead of workers, give the same model file', async () => {
    const one = await train('one', 1);
    expect(await train('two', 2)).toBe(one);
    expect(await train('three', 3)).toBe(one);
    expect(await train('threads', 1, 2)).toBe(one);
  });
});
