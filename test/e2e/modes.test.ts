import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/coordinator/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';
import { watchTasks } from '../support/watch-tasks.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(async () => await workshop.dispose());

const localSgd = {
  type: 'local-sgd',
  localSteps: 2,
  replicas: 4,
  outer: { learningRate: 0.7, momentum: 0.9 },
};
const modes = {
  'local-sgd': { microshards: 4, mode: localSgd },
  bf16: { weightsDtype: 'bf16' },
  int8: { gradients: { type: 'int8', blocks: 4 } },
  'all of them': {
    microshards: 4,
    mode: localSgd,
    weightsDtype: 'bf16',
    gradients: { type: 'fp16', blocks: 2 },
  },
};

/** Trains with so many workers; with `loses`, one of them vanishes with a task in hand. Returns the SHA-256 of the model file. */
async function train(
  spec: Record<string, unknown>,
  out: string,
  workers: number,
  loses = false,
): Promise<string> {
  const transport = createEmbeddedTransport();
  let lost = false;
  let vanish: (() => void) | null = null;
  const watched = watchTasks(transport, ({ step, mode }) => {
    if (!loses || lost || step < 2 || mode !== 'train') return;
    lost = true;
    vanish?.();
  });
  const coordinator = await workshop.coordinator({
    transport,
    out,
    spec: smallSpec(spec),
    minWorkers: workers,
  });
  const running = await Promise.all(
    Array.from({ length: workers }, (_, i) =>
      workshop.worker({ transport: i === 0 ? watched : transport, worker: `${out}-${i}`, once: true }),
    ),
  );
  vanish = () => void running[0]?.close();
  const { modelSha256 } = await coordinator.finished;
  expect(lost).toBe(loses);
  await Promise.all(running.map((worker) => worker.finished));
  await transport.close();
  return modelSha256;
}

const models = new Map<string, string>();

describe.each(Object.entries(modes))('%s', (mode, spec) => {
  it('gives one model file with one worker, and with two of which one is lost', async () => {
    const name = mode.replaceAll(' ', '-');
    const one = await train(spec, `${name}-one`, 1);
    expect(await train(spec, `${name}-lost`, 2, true)).toBe(one);
    models.set(mode, one);
  });
});

it('every mode is an algorithm of its own', async () => {
  models.set('exact', await train({}, 'exact', 2));
  expect(new Set(models.values()).size).toBe(Object.keys(modes).length + 1);
});

it('a stopped run goes on to the model file of the one that went through', async () => {
  const transport = createEmbeddedTransport();
  const worker = await workshop.worker({ transport, worker: 'stays' });
  const config = { transport, out: 'parts', spec: smallSpec(modes['all of them']), resume: true };
  let stop: (() => void) | null = null;
  const onProgress = ({ step }: Progress): void => (step >= 2 ? stop?.() : undefined);
  const first = await workshop.coordinator({ ...config, onProgress });
  stop = () => void first.stop();
  expect(await first.finished).toMatchObject({ outcome: 'stopped' });
  const rest = await workshop.coordinator(config);
  const modelSha256 = models.get('all of them');
  expect(await rest.finished).toMatchObject({ outcome: 'finished', modelSha256 });
  await worker.drain('the test is over');
  await transport.close();
});
