import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/metrics/index.js';
import { createEmbeddedTransport, createRabbitTransport, type Transport } from '../../src/transport/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';
import type { ProgramEnd } from '../support/start-program.js';
import { watchTasks } from '../support/watch-tasks.js';

// Starts of Node take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let workshop: Workshop;
let vhost: TestVhost;
let runs: FaultRuns;
/** Of one worker in this process. */
let embedded: string;
const transports: Transport[] = [];

beforeAll(async () => {
  workshop = await openWorkshop(smallSpec({ delay: 1 }));
  vhost = await testVhost();
  runs = await openFaultRuns(vhost.url);
  embedded = await train('embedded', 1, shared);
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

/** One coordinator and so many workers, each on the transport that it is given; → SHA-256 of the model file. */
async function train(
  out: string,
  workers: number,
  transportOf: (first: Transport | null) => Transport | Promise<Transport>,
): Promise<string> {
  const transport = await transportOf(null);
  const names = Array.from({ length: workers }, (_, i) => `${out}-${i}`);
  const coordinator = await workshop.coordinator({ transport, out, minWorkers: workers });
  const running = await Promise.all(
    names.map(async (worker) =>
      workshop.worker({ transport: await transportOf(transport), worker, once: true }),
    ),
  );
  const { modelSha256 } = await coordinator.finished;
  await Promise.all(running.map(({ finished }) => finished));
  return modelSha256;
}

async function expectDone(ended: Promise<ProgramEnd>): Promise<void> {
  const { code, stdout, stderr } = await ended;
  expect(code, stdout + stderr).toBe(0);
}

describe('with a delay', () => {
  it('two and three workers in one process give the model file of one', async () => {
    expect(await train('two', 2, shared)).toBe(embedded);
    expect(await train('three', 3, shared)).toBe(embedded);
  });

  it.each([1, 2, 3])('%i workers over RabbitMQ do, too', async (workers) => {
    expect(await train(`rabbit-${workers}`, workers, connect)).toBe(embedded);
  });

  it('a worker that vanishes with two steps in flight is made up for by the others', async () => {
    let vanish: (() => void) | null = null;
    const seen = new Set<number>();
    const watched = watchTasks(await connect(), ({ step, mode }) => {
      if (mode === 'train' && step >= 2) seen.add(step);
      if (seen.size > 1) vanish?.();
    });
    const doomed = await workshop.worker({ transport: watched, worker: 'doomed' });
    const heir = await workshop.worker({ transport: await connect(), worker: 'heir', once: true });
    vanish = () => void doomed.close();
    const coordinator = await workshop.coordinator({
      transport: await connect(),
      out: 'vanished',
      minWorkers: 2,
    });
    expect((await coordinator.finished).modelSha256).toBe(embedded);
    expect(seen.size).toBeGreaterThan(1);
    await Promise.all([doomed.finished, heir.finished]);
  });

  it('a run whose worker and coordinator are killed in mid-epoch ends with the bits of one that went through', async () => {
    const late = ['--delay', '1'];
    const quiet = await runs.worker('quiet', ['--once']);
    const whole = await runs.coordinator('runs/whole', late);
    await expectDone(whole.ended);
    await expectDone(quiet.ended);

    const out = 'runs/killed';
    const worker = await runs.worker('faithful', ['--once']);
    const first = await runs.coordinator(out, late);
    const step = await runs.haltAtCheckpoint(out, first, worker);
    first.kill('SIGKILL');
    expect((await first.ended).signal).toBe('SIGKILL');
    worker.kill('SIGCONT');
    const second = await runs.coordinator(out, [...late, '--resume']);
    const [, from] = await second.says(/Going on with run \S+ after step (\d+)/);
    expect(Number(from)).toBeGreaterThanOrEqual(step);
    await second.reaches(Number(from) + 2);
    worker.kill('SIGKILL');
    await worker.ended;
    const heir = await runs.worker('heir', ['--once']);
    await expectDone(second.ended);
    await expectDone(heir.ended);
    expect(await runs.modelSha256(out)).toBe(await runs.modelSha256('runs/whole'));
  });
});
