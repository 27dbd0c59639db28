import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Progress, RunSummary } from '../../src/coordinator/index.js';
import { silentLog } from '../../src/metrics/index.js';
import { decodeModelFile, readModelBytes } from '../../src/store/index.js';
import { createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import type { RunningWorker } from '../../src/worker/index.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';
import { train } from '../support/train.js';
import { watchTasks } from '../support/watch-tasks.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(async () => await workshop.dispose());

/** Long enough to learn something by the few values of each step. */
const course = { epochs: 8, learningRate: 0.01 };
const topk = smallSpec({
  ...course,
  gradients: { type: 'topk', density: 0.05, blocks: 2, reproducible: false },
});

/** The training spec that the model file says it was made by. */
const specOf = async ({ modelPath }: RunSummary): Promise<unknown> =>
  JSON.parse(decodeModelFile(await readModelBytes(modelPath)).provenance['training_spec'] ?? '');

/** As guessing would do: ln 10 nats. */
const guessing = Math.log(10);

it('learns about as much as exact training, and says that its bits depend on the cluster', async () => {
  const [exact, thinned] = [
    await train(workshop, { out: 'exact', workers: 1, spec: smallSpec(course) }),
    await train(workshop, { out: 'thinned', workers: 1, spec: topk }),
  ];
  expect(exact.trainLoss).toBeLessThan(0.75 * guessing);
  expect(thinned.trainLoss).toBeLessThan(0.85 * guessing);
  expect([exact.reproducible, thinned.reproducible]).toEqual([true, false]);
  expect(await specOf(thinned)).toMatchObject({ gradients: { type: 'topk', reproducible: false } });
  expect(await specOf(exact)).not.toHaveProperty('gradients');
});

it('ends with a sensible model though workers vanish with blocks in hand and the coordinator is started again', async () => {
  const out = 'troubled';
  const transport = createEmbeddedTransport();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) };
  const workers: RunningWorker[] = [];
  let lost = 0;
  /** Vanishes with the first task of a training step from `step` on, and another comes in its place. */
  const start = async (name: string, vanishesAt: number): Promise<void> => {
    let gone = false;
    let self: RunningWorker | null = null;
    const watched: Transport = watchTasks(transport, ({ step, mode }) => {
      if (gone || step < vanishesAt || mode !== 'train') return;
      gone = true;
      lost += 1;
      void self?.close();
      void start(`${name}+`, vanishesAt + 9);
    });
    self = await workshop.worker({ transport: watched, worker: name });
    workers.push(self);
  };
  const config = { transport, out, spec: topk, resume: true, log };
  let stop: (() => void) | null = null;
  const onProgress = ({ step }: Progress): void => (step >= 15 ? stop?.() : undefined);
  const first = await workshop.coordinator({ ...config, onProgress });
  stop = () => void first.stop();
  await Promise.all([start('a', 4), start('b', 11)]);
  expect(await first.finished).toMatchObject({ outcome: 'stopped' });
  expect(warnings.join()).not.toContain('residuals');
  const rest = await workshop.coordinator(config);
  const summary = await rest.finished;
  expect(warnings.join()).toMatch(/residuals of topk\) is forgotten.*other bits/);
  expect(summary).toMatchObject({ outcome: 'finished', epochs: 8, steps: 40 });
  expect(summary.modelPath).toBe(join(workshop.path, out, 'model.safetensors'));
  expect(lost).toBeGreaterThanOrEqual(3);
  // No answer was called wrong because it differs from another worker's.
  expect(summary.account?.oddities.join()).not.toMatch(/expel|alarm|differ/i);
  expect(summary.trainLoss).toBeLessThan(0.85 * guessing);
  await Promise.all(workers.map((worker) => worker.close()));
  await transport.close();
});
