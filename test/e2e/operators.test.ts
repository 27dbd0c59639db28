import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunStatus } from '../../src/coordinator/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { expectDone } from '../support/expect-done.js';
import { expectPlain } from '../support/expect-plain.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { endPrograms, type ProgramEnd, startProgram } from '../support/start-program.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let vhost: TestVhost;
let runs: FaultRuns;
beforeAll(async () => {
  vhost = await testVhost();
  runs = await openFaultRuns(vhost.url);
});
afterEach(endPrograms);
afterAll(async () => {
  await runs?.dispose();
  await vhost?.dispose();
});

/** A command of somebody who looks at the broker from elsewhere. */
const onko = (...args: string[]): Promise<ProgramEnd> =>
  startProgram('onko', [...args, '--log-level', 'error'], {
    cwd: runs.path,
    env: { ONKO_BROKER: vhost.url, HOME: runs.path },
  }).ended;

/** Of the run that nothing happened to, once it is over. */
let quiet = '';

describe('two runs on one broker', () => {
  it('do not disturb one another; workers choose, can be looked at and sent home from anywhere', async () => {
    const forAlpha = await runs.worker('for-alpha', ['--run', 'alpha', '--once']);
    const forBeta = await runs.worker('for-beta', ['--run', 'beta', '--once']);
    const alpha = await runs.coordinator('runs/alpha', ['--run', 'alpha']);
    const beta = await runs.coordinator('runs/beta', ['--run', 'beta']);
    await alpha.reaches(2);
    await beta.reaches(2);
    for (const worker of [forAlpha, forBeta]) worker.kill('SIGSTOP');

    const anybody = await runs.worker('anybody');
    await anybody.says(/Taking part in run (alpha|beta)/);
    const seen = await vi.waitFor(async () => {
      const { code, stdout, stderr } = await onko('status', '--json');
      expect(code, stderr).toBe(0);
      const all: RunStatus[] = JSON.parse(stdout);
      const ready = (run: string): string[] =>
        (all.find((one) => one.run === run)?.workers ?? [])
          .filter(({ state }) => state === 'ready')
          .map(({ worker }) => worker)
          .filter((worker) => worker !== 'anybody');
      expect(ready('alpha')).toEqual(['for-alpha']);
      expect(ready('beta')).toEqual(['for-beta']);
      expect(all.flatMap(({ workers }) => workers).map(({ worker }) => worker)).toContain('anybody');
      return all;
    }, 30_000);
    for (const run of seen) {
      expect(run).toMatchObject({ phase: 'training', epochs: 2, totalSteps: 40, fence: 1 });
      expect(run.step).toBeGreaterThanOrEqual(2);
      expect(run.loss).toBeGreaterThan(0);
    }
    const shown = await onko('status');
    expect(shown.stdout).toMatch(/^Run alpha: training, epoch 1 of 2, step \d+ of 40, loss .*images\/s/m);
    expect(shown.stdout).toMatch(/^ {2}for-beta +\S+ +1 +ready +\d+\.\d s ago/m);

    expect((await onko('drain', 'anybody')).stdout).toBe('Worker anybody has handed in its work and left.\n');
    await expectDone(anybody);
    expect(anybody.output()).toMatch(/Draining: onko drain on \S+\./);

    for (const worker of [forAlpha, forBeta]) worker.kill('SIGCONT');
    await expectDone(alpha, beta, forAlpha, forBeta);
    quiet = await runs.modelSha256('runs/alpha');
    expect(await runs.modelSha256('runs/beta')).toBe(quiet);
    expect(forAlpha.output()).not.toContain('run beta');
    expect(forBeta.output()).not.toContain('run alpha');
    // In plain output, a wait is told once.
    expect(alpha.output().match(/waiting for workers/gi)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  it('that are over leave nobody to ask', async () => {
    expectPlain(await onko('status', '--wait', '1'), 4, /No coordinator answered within 1 s/);
    expectPlain(await onko('drain', 'nobody'), 4, /There is no worker named nobody on this broker/);
  });
});

describe('audits over the broker', () => {
  it('compare every block, and change no bit', async () => {
    const workers = await Promise.all(['left', 'right'].map((id) => runs.worker(id, ['--once'])));
    const coordinator = await runs.coordinator('runs/audited', ['--audit', '1', '--min-workers', '2']);
    await coordinator.reaches(5);
    expect(await coordinator.metric('onko_audits_total')).toBeGreaterThanOrEqual(5);
    expect(await coordinator.metric('onko_audit_mismatches_total')).toBe(0);
    await expectDone(coordinator, ...workers);
    expect(await runs.modelSha256('runs/audited')).toBe(quiet);
  });
});

describe('a second coordinator for a run', () => {
  it('is refused, or takes over if it is told to: the first one ends, and the bits are the same', async () => {
    const out = 'runs/taken';
    const worker = await runs.worker('faithful', ['--once']);
    const first = await runs.coordinator(out);
    await first.reaches(3);
    worker.kill('SIGSTOP');
    const refused = await runs.coordinator(out, ['--resume', '--log-level', 'error']);
    expectPlain(await refused.ended, 4, /already has a coordinator on this broker.*--resume --take-over/);

    const heir = await runs.coordinator(out, ['--resume', '--take-over']);
    const ousted = await first.ended;
    expect(ousted.code, ousted.stderr).toBe(8);
    expect(ousted.stderr).toMatch(/Another coordinator has taken over the run in runs\/taken/);
    worker.kill('SIGCONT');
    await expectDone(heir, worker);
    expect(await runs.modelSha256(out)).toBe(quiet);
    expect(Number(await readFile(join(runs.path, out, 'fence'), 'utf8'))).toBeGreaterThan(2);
  });
});
