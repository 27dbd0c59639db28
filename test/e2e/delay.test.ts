import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { expectDone } from '../support/expect-done.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { quietRun, resumedRun } from '../support/fault-scenes.js';
import { openRabbitPlace, type RabbitPlace } from '../support/rabbit-place.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';
import { train } from '../support/train.js';
import { watchTasks } from '../support/watch-tasks.js';

// Starts of Node take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let workshop: Workshop;
let rabbit: RabbitPlace;
let runs: FaultRuns;
/** Of one worker in this process. */
let embedded: string;

beforeAll(async () => {
  workshop = await openWorkshop(smallSpec({ delay: 1 }));
  rabbit = await openRabbitPlace();
  runs = await openFaultRuns(rabbit.url);
  embedded = (await train(workshop, { out: 'embedded', workers: 1 })).modelSha256;
});
afterAll(async () => {
  await runs?.dispose();
  await rabbit?.dispose();
  await workshop?.dispose();
});

describe('with a delay', () => {
  it('two and three workers in one process give the model file of one', async () => {
    for (const workers of [2, 3])
      expect(await train(workshop, { out: `shared-${workers}`, workers })).toMatchObject({
        modelSha256: embedded,
      });
  });

  it.each([1, 2, 3])('%i workers over RabbitMQ do, too', async (workers) => {
    const { connect } = rabbit;
    const { modelSha256 } = await train(workshop, { out: `rabbit-${workers}`, workers, connect });
    expect(modelSha256).toBe(embedded);
  });

  it('a worker that vanishes with two steps in flight is made up for by the others', async () => {
    let vanish: (() => void) | null = null;
    const seen = new Set<number>();
    const watched = watchTasks(await rabbit.connect(), ({ step, mode }) => {
      if (mode === 'train' && step >= 2) seen.add(step);
      if (seen.size > 1) vanish?.();
    });
    const doomed = await workshop.worker({ transport: watched, worker: 'doomed' });
    const heir = await workshop.worker({ transport: await rabbit.connect(), worker: 'heir', once: true });
    vanish = () => void doomed.close();
    const coordinator = await workshop.coordinator({
      transport: await rabbit.connect(),
      out: 'vanished',
      minWorkers: 2,
    });
    expect((await coordinator.finished).modelSha256).toBe(embedded);
    expect(seen.size).toBeGreaterThan(1);
    await Promise.all([doomed.finished, heir.finished]);
  });

  it('a run whose worker and coordinator are killed in mid-epoch ends with the bits of one that went through', async () => {
    const late = ['--delay', '1'];
    const whole = await quietRun(runs, 'runs/whole', late);
    const out = 'runs/killed';
    const worker = await runs.worker('faithful', ['--once']);
    const first = await runs.coordinator(out, late);
    const { coordinator, from } = await resumedRun(runs, out, { coordinator: first, worker }, late);
    await coordinator.reaches(from + 2);
    worker.kill('SIGKILL');
    await worker.ended;
    await expectDone(coordinator, await runs.worker('heir', ['--once']));
    expect(await runs.modelSha256(out)).toBe(whole);
  });
});
