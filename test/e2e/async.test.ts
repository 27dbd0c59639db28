import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRegistry } from '../../src/metrics/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { expectDone } from '../support/expect-done.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { resumedRun } from '../support/fault-scenes.js';
import { openRabbitPlace, type RabbitPlace } from '../support/rabbit-place.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';
import { train } from '../support/train.js';

// Starts of Node take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const epochs = 8;
const staleness = 4;
let workshop: Workshop;
let rabbit: RabbitPlace;
let runs: FaultRuns;

beforeAll(async () => {
  workshop = await openWorkshop(
    smallSpec({ epochs, batch: 64, microshards: 4, mode: { type: 'async', staleness, reproducible: false } }),
  );
  rabbit = await openRabbitPlace();
  runs = await openFaultRuns(rabbit.url);
});
afterAll(async () => {
  await runs?.dispose();
  await rabbit?.dispose();
  await workshop?.dispose();
});

describe('asynchronous training', () => {
  it.each(['in one process', 'over RabbitMQ'])(
    '%s learns, and applies nothing that is too late',
    async (where) => {
      const metrics = createRegistry();
      const way = where === 'over RabbitMQ' ? { connect: rabbit.connect } : {};
      const out = where.replaceAll(' ', '-');
      const { images, ...summary } = await train(workshop, { out, workers: 2, metrics, ...way });
      // Ten digits: who guesses is right once in ten.
      expect(summary).toMatchObject({ epochs, steps: 10 * epochs, staleness });
      expect(summary.validationAccuracy).toBeGreaterThan(0.4);
      expect(images.every((count) => count > 0)).toBe(true);
      const { values = [] } = (await metrics.getSingleMetric('onko_gradient_staleness_updates')?.get()) ?? {};
      const counted = (le: string | number): number | undefined =>
        values.find(({ labels }) =>
          Object.entries(labels).some(([name, value]) => name === 'le' && value === le),
        )?.value;
      expect(counted('+Inf')).toBe(10 * epochs);
      expect(counted(staleness)).toBe(10 * epochs);
    },
  );

  it('refuses an audit: two workers compute a batch on different weights', async () => {
    const transport = createEmbeddedTransport();
    await expect(workshop.coordinator({ transport, out: 'audited', auditShare: 0.1 })).rejects.toThrow(
      expect.objectContaining({
        name: 'TrainingSpecError',
        message: expect.stringMatching(/cannot be audited/),
      }),
    );
    await transport.close();
  });

  it('goes on after its worker and its coordinator were killed in mid-epoch, and says what it is', async () => {
    const mode = ['--mode', 'async', '--staleness', '6'];
    const out = 'runs/killed';
    const worker = await runs.worker('faithful', ['--once']);
    const first = await runs.coordinator(out, mode);
    await first.says(/not bit-identical: depends on the order of arrival/i);
    const { coordinator, from } = await resumedRun(runs, out, { coordinator: first, worker }, mode);
    await coordinator.reaches(from + 2);
    worker.kill('SIGKILL');
    await worker.ended;
    const heirs = await Promise.all(['heir', 'other-heir'].map((id) => runs.worker(id, ['--once'])));
    await expectDone(coordinator, ...heirs);
    expect((await coordinator.ended).stdout).toMatch(
      /up to 6 updates late; not bit-identical: depends on the order of arrival/,
    );
    const history = await readFile(join(runs.path, out, 'history.csv'), 'utf8');
    expect(
      history
        .trim()
        .split('\n')
        .slice(1)
        .map((row) => row.split(',').slice(0, 2).join()),
    ).toEqual(['1,20', '2,40']);
  });
});
