import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CoordinatorConfig, Progress } from '../../src/coordinator/index.js';
import { readModelFile } from '../../src/store/index.js';
import { BrokerError, createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import type { Faults } from './fake-worker.js';
import { closers, expectedSha256, folder, spec, startCluster } from './run-stage.js';

/** Starts a run and stops it in an orderly way once `when` says so. */
async function runUntil(
  when: (p: Progress) => boolean,
  changes: Partial<CoordinatorConfig> = {},
): Promise<void> {
  let stop!: () => void;
  const reached = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const { coordinator } = await startCluster([{}, {}], changes, (p) => {
    if (when(p)) stop();
  });
  await reached;
  await coordinator.stop();
  expect((await coordinator.finished).outcome).toBe('stopped');
}

describe('resuming', () => {
  it.each([
    ['mid-epoch', (p: Progress) => p.step === 6],
    ['during a validation', (p: Progress) => p.phase === 'evaluating' && p.step === 8],
    ['at the start', () => true],
  ])('after a stop %s ends with the bits of an undisturbed run', async (_when, when) => {
    await runUntil(when);
    const { coordinator, config } = await startCluster([{}], { resume: true });
    const summary = await coordinator.finished;
    expect(summary).toMatchObject({ outcome: 'finished', modelSha256: await expectedSha256(), epochs: 4 });
    expect(await readFile(join(config.outDir, 'fence'), 'utf8')).toBe('2\n');
    const rows = (await readFile(join(config.outDir, 'history.csv'), 'utf8')).trim().split('\n');
    expect(rows.slice(1).map((row) => row.split(',')[0])).toEqual(['1', '2', '3', '4']);
  });

  it('after several stops, and with the newest checkpoint torn, too', async () => {
    await runUntil((p) => p.step === 3);
    await runUntil((p) => p.step === 7, { resume: true });
    const checkpoints = join(folder, 'run', 'checkpoints');
    const newest = (await readdir(checkpoints)).toSorted().at(-1) ?? '';
    await truncate(join(checkpoints, newest), 1_000);
    const { coordinator, warnings } = await startCluster([{}], { resume: true });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(warnings[0]).toContain(newest);
  });

  it('starts again from the beginning when there is no checkpoint yet', async () => {
    await runUntil(() => true);
    await rm(join(folder, 'run', 'checkpoints'), { recursive: true });
    const { coordinator } = await startCluster([{}], { resume: true });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
  });

  it('loses no step to a broker that stays away', async () => {
    const transport = createEmbeddedTransport();
    let lose!: (error: Error) => void;
    const fragile: Transport = {
      ...transport,
      openCoordinator: async (o) => {
        const link = await transport.openCoordinator(o);
        link.onState = (listener) => {
          lose = (error) => listener({ type: 'lost', error });
        };
        return link;
      },
    };
    closers.push(() => transport.close());
    const hours = { checkpointEveryMs: 3_600_000, transport: fragile };
    const { coordinator } = await startCluster([{}], hours, (p) => {
      if (p.phase === 'training' && p.step === 6) lose(new BrokerError('Gave up on RabbitMQ.'));
    });
    await expect(coordinator.finished).rejects.toThrow('Gave up on RabbitMQ.');
    expect((await readdir(join(folder, 'run', 'checkpoints'))).toSorted().at(-1)).toContain('-00000006.');
    const second = await startCluster([{}], { resume: true });
    expect((await second.coordinator.finished).modelSha256).toBe(await expectedSha256());
  });

  it('of a finished run does nothing and tells what it came to', async () => {
    const first = await startCluster([{}]);
    const summary = await first.coordinator.finished;
    const again = await startCluster([], { resume: true });
    // Who took part, and what the epochs came to, is not known any more.
    expect(await again.coordinator.finished).toEqual({ ...summary, best: null, account: null });
    await again.coordinator.stop();
    await rm(summary.modelPath);
    const third = await startCluster([], { resume: true });
    expect((await third.coordinator.finished).modelSha256).toBe(summary.modelSha256);
    await readModelFile(summary.modelPath);
  });

  it('is refused with another spec, and a fresh start over a run, too', async () => {
    await runUntil((p) => p.step === 2);
    await expect(startCluster([], { resume: true, spec: { ...spec, seed: 6 } })).rejects.toThrow(
      expect.objectContaining({
        name: 'ResumeMismatchError',
        message: expect.stringContaining('seed (5 there, 6 here)'),
      }),
    );
    await expect(startCluster([])).rejects.toThrow(expect.objectContaining({ name: 'RunFolderError' }));
  });

  it('fences off the coordinator before: it writes nothing more', async () => {
    const slow: Faults = { delayMs: () => 20 };
    const first = await startCluster([slow]);
    const second = await startCluster([{}], { resume: true });
    await expect(first.coordinator.finished).rejects.toThrow(/Another coordinator/);
    expect((await second.coordinator.finished).modelSha256).toBe(await expectedSha256());
  });
});
