import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRegistry, silentLog } from '../../src/metrics/index.js';
import { createEmbeddedTransport, createRabbitTransport, type Transport } from '../../src/transport/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';

// Starts of Node take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const epochs = 8;
const staleness = 4;
let workshop: Workshop;
let vhost: TestVhost;
let runs: FaultRuns;
const transports: Transport[] = [];

beforeAll(async () => {
  workshop = await openWorkshop(
    smallSpec({ epochs, batch: 64, microshards: 4, mode: { type: 'async', staleness, reproducible: false } }),
  );
  vhost = await testVhost();
  runs = await openFaultRuns(vhost.url);
});
afterAll(async () => {
  await runs?.dispose();
  await Promise.all(transports.map((transport) => transport.close()));
  await vhost?.dispose();
  await workshop?.dispose();
});

const shared = (first: Transport | null): Transport => first ?? createEmbeddedTransport();

async function connect(): Promise<Transport> {
  const transport = await createRabbitTransport({ url: vhost.url, log: silentLog });
  transports.push(transport);
  return transport;
}

describe('asynchronous training', () => {
  it.each([
    ['in one process', shared],
    ['over RabbitMQ', connect],
  ] as const)('%s learns, and applies nothing that is too late', async (where, transportOf) => {
    const transport = await transportOf(null);
    const registry = createRegistry();
    const out = where.replaceAll(' ', '-');
    const coordinator = await workshop.coordinator({ transport, out, minWorkers: 2, metrics: registry });
    const running = await Promise.all(
      [1, 2].map(async (i) =>
        workshop.worker({ transport: await transportOf(transport), worker: `${out}-${i}`, once: true }),
      ),
    );
    const summary = await coordinator.finished;
    const images = await Promise.all(running.map(async ({ finished }) => (await finished).images));
    // Ten digits: who guesses is right once in ten.
    expect(summary).toMatchObject({ outcome: 'finished', epochs, steps: 10 * epochs, staleness });
    expect(summary.validationAccuracy).toBeGreaterThan(0.4);
    expect(images.every((count) => count > 0)).toBe(true);
    const { values = [] } = (await registry.getSingleMetric('onko_gradient_staleness_updates')?.get()) ?? {};
    const counted = (le: string | number): number | undefined =>
      values.find(({ labels }) =>
        Object.entries(labels).some(([name, value]) => name === 'le' && value === le),
      )?.value;
    expect(counted('+Inf')).toBe(10 * epochs);
    expect(counted(staleness)).toBe(10 * epochs);
  });

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
    const step = await runs.haltAtCheckpoint(out, first, worker);
    first.kill('SIGKILL');
    expect((await first.ended).signal).toBe('SIGKILL');
    worker.kill('SIGCONT');
    const second = await runs.coordinator(out, [...mode, '--resume']);
    const [, from] = await second.says(/Going on with run \S+ after step (\d+)/);
    expect(Number(from)).toBeGreaterThanOrEqual(step);
    await second.reaches(Number(from) + 2);
    worker.kill('SIGKILL');
    await worker.ended;
    const heirs = await Promise.all(['heir', 'other-heir'].map((id) => runs.worker(id, ['--once'])));
    const { code, stdout, stderr } = await second.ended;
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/up to 6 updates late; not bit-identical: depends on the order of arrival/);
    await Promise.all(heirs.map(({ ended }) => ended));
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
