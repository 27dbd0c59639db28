import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/coordinator/index.js';
import type { Task } from '../../src/protocol/index.js';
import type { Transport } from '../../src/transport/index.js';
import type { RunningWorker } from '../../src/worker/index.js';
import { openRabbitPlace, type RabbitPlace } from '../support/rabbit-place.js';
import { openWorkshop, type Workshop } from '../support/small-run.js';
import { train } from '../support/train.js';
import { watchTasks } from '../support/watch-tasks.js';

let workshop: Workshop;
let rabbit: RabbitPlace;
let embedded: string;

const keyOf = ({ mode, step, pass, node }: Task): string => `${mode} ${step}.${pass} node ${node}`;

const connect = (): Promise<Transport> => rabbit.connect();

beforeAll(async () => {
  workshop = await openWorkshop();
  rabbit = await openRabbitPlace();
  embedded = (await train(workshop, { out: 'embedded', workers: 1 })).modelSha256;
});
afterAll(async () => {
  await rabbit?.dispose();
  await workshop?.dispose();
});

describe('over RabbitMQ', () => {
  it.each([1, 2, 3])('%i workers give the model file of the embedded transport', async (workers) => {
    const done = await train(workshop, { out: `rabbit-${workers}`, workers, connect });
    expect(done.modelSha256).toBe(embedded);
    expect(done.images.every((count) => count > 0)).toBe(true);
  });

  it.each([
    [2, 1],
    [1, 2],
    [4, 1],
  ])(
    '%i threads in each of %i workers give the same, each process with one gradient a step',
    async (threads, workers) => {
      const out = `threads-${threads}-${workers}`;
      const tasks: Task[] = [];
      const watched = async (): Promise<Transport> =>
        watchTasks(await connect(), (task) => {
          if (task.mode === 'train') tasks.push(task);
        });
      const running = await Promise.all(
        Array.from({ length: workers }, async (_, i) =>
          workshop.worker({ transport: await watched(), worker: `${out}-${i}`, threads, once: true }),
        ),
      );
      const coordinator = await workshop.coordinator({
        transport: await connect(),
        out,
        minWorkers: workers,
      });
      expect((await coordinator.finished).modelSha256).toBe(embedded);
      await Promise.all(running.map((worker) => worker.finished));
      // Of the short last step of an epoch, the tree is cut finer.
      const inStep = (step: number): number[] =>
        tasks.filter((task) => task.step === step).map(({ node }) => node);
      for (const step of [0, 1, 2])
        expect(new Set(inStep(step))).toEqual(new Set(workers === 1 ? [1] : [2, 3]));
    },
  );

  it('a worker that vanishes in mid-step is made up for by the others', async () => {
    let lost: string | null = null;
    let vanish: (() => void) | null = null;
    const watched = watchTasks(await connect(), (task) => {
      if (task.step < 3 || lost !== null) return;
      lost = keyOf(task);
      vanish?.();
    });
    const redelivered: string[] = [];
    const watchedHeir = watchTasks(await connect(), (task, delivery) => {
      if (delivery.redelivered) redelivered.push(keyOf(task));
    });
    const doomed = await workshop.worker({ transport: watched, worker: 'doomed' });
    const heir = await workshop.worker({ transport: watchedHeir, worker: 'heir', once: true });
    vanish = () => void doomed.close();
    const coordinator = await workshop.coordinator({
      transport: await connect(),
      out: 'vanished',
      minWorkers: 2,
    });
    expect((await coordinator.finished).modelSha256).toBe(embedded);
    expect(redelivered).toContain(lost);
    await Promise.all([doomed.finished, heir.finished]);
  });

  it('a worker that joins late and one that drains early change nothing', async () => {
    // The first worker stops short in step 3 until the second one has joined.
    let open: (() => void) | null = null;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gated = watchTasks(await connect(), async ({ step }) => {
      if (step >= 3) await gate;
    });
    const lateTransport = watchTasks(
      await connect(),
      () => undefined,
      () => open?.(),
    );
    const first = await workshop.worker({ transport: gated, worker: 'first' });
    const later: { late?: Promise<RunningWorker>; drained?: Promise<void> } = {};
    const onProgress = ({ step, workers }: Progress): void => {
      if (step >= 2) later.late ??= workshop.worker({ transport: lateTransport, worker: 'late' });
      if (step >= 5 && workers === 2) later.drained ??= first.drain('enough for today');
    };
    const coordinator = await workshop.coordinator({ transport: await connect(), out: 'change', onProgress });
    expect((await coordinator.finished).modelSha256).toBe(embedded);
    expect(later.drained).toBeDefined();
    await later.drained;
    const late = await later.late;
    await late?.drain('the run is over');
    const images = [await first.finished, await late?.finished].map((summary) => summary?.images ?? 0);
    expect(Math.min(...images)).toBeGreaterThan(0);
  });
});
