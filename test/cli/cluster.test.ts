import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestVhost, testVhost } from '../support/broker.js';
import { modelSha256 } from '../support/model-sha256.js';
import { writeTinyRun } from '../support/tiny-run.js';
import { expectSuccess, runProgram, stackLines } from './run-program.js';

let dir = '';
/** As on another machine: nothing there. */
let elsewhere = '';
let vhost: TestVhost;
beforeAll(async () => {
  vhost = await testVhost();
  dir = await mkdtemp(join(tmpdir(), 'onko-cluster-'));
  elsewhere = await mkdtemp(join(tmpdir(), 'onko-elsewhere-'));
  await writeTinyRun(dir, { options: { metricsPort: 0 } });
});
afterAll(async () => {
  await vhost?.dispose();
  for (const folder of [dir, elsewhere]) await rm(folder, { recursive: true });
});

const sha256 = (run: string): Promise<string> => modelSha256(join(dir, run));

it('coordinator start and two worker start, the address alone given: the same model as on one machine', async () => {
  const env = { ONKO_BROKER: vhost.url };
  const worker = (id: string) =>
    runProgram('worker', ['start', '--threads', '1', '--id', id, '--once'], { cwd: elsewhere, env });
  const [coordinator, ...workers] = await Promise.all([
    runProgram('coordinator', ['start', '--min-workers', '2', '--out', 'runs/cluster'], { cwd: dir, env }),
    worker('first'),
    worker('second'),
  ]);
  expectSuccess(coordinator);
  expect(workers.map(({ code }) => code)).toEqual([0, 0]);
  const local = await runProgram('onko', ['train', '--workers', '1', '--out', 'runs/local'], { cwd: dir });
  expect(local.code).toBe(0);
  expect(await sha256('runs/cluster')).toBe(await sha256('runs/local'));
  const all = [coordinator, ...workers].map(({ stdout, stderr }) => stdout + stderr).join('');
  const { username, password } = new URL(vhost.url);
  expect(all).not.toContain(`${username}:${password}@`);
});

it('measures sizes that are left to it, writes them down, and resumes with them', async () => {
  const env = { ONKO_BROKER: vhost.url };
  const auto = ['--batch', 'auto', '--microshards', 'auto', '--out', 'runs/auto'];
  const [coordinator] = await Promise.all([
    runProgram('coordinator', ['start', ...auto], { cwd: dir, env }),
    runProgram('worker', ['start', '--threads', '1', '--once'], { cwd: elsewhere, env }),
  ]);
  expectSuccess(coordinator);
  expect(coordinator.stderr).toMatch(/sizes chosen by a measurement.*messageMs/);
  const written = await readFile(join(dir, 'runs/auto/run.json'), 'utf8');
  const [, batch, microshards] = /batch=(\d+) microshards=(\d+)/.exec(coordinator.stderr) ?? [];
  expect(JSON.parse(written)).toMatchObject({
    spec: { batch: Number(batch), microshards: Number(microshards) },
  });
  const again = await runProgram('onko', ['train', '--resume', ...auto], { cwd: dir });
  expectSuccess(again);
  expect(again.stderr).not.toContain('sizes chosen');
});

it('a worker serves a page of its own when it is told to, and says whether it is well', async () => {
  let pages: Promise<string[]> = Promise.resolve([]);
  let asked = false;
  const args = ['start', '--threads', '1', '--id', 'watched', '--metrics-port', '0'];
  const ended = await runProgram('worker', args, {
    cwd: elsewhere,
    env: { ONKO_BROKER: vhost.url },
    onOutput: (text, kill) => {
      const url = /url=(\S+)\/metrics/.exec(text)?.[1];
      if (url === undefined || asked) return;
      asked = true;
      pages = whenWell(url).finally(() => kill('SIGTERM'));
    },
  });
  expect(ended.code).toBe(0);
  const [healthz, page] = await pages;
  expect(healthz).toBe('ok\n');
  expect(page).toContain('onko_compute_threads{worker="watched"} 1');
  expect(page).toMatch(/^process_resident_memory_bytes\{worker="watched"\} \d+$/m);
});

/** Both pages, once the first one says that all is well. */
async function whenWell(url: string): Promise<string[]> {
  const response = await fetch(`${url}/healthz`);
  const text = await response.text();
  if (response.ok) return [text, await (await fetch(`${url}/metrics`)).text()];
  expect([response.status, text]).toEqual([503, 'The broker is not reached yet.\n']);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return whenWell(url);
}

it('a worker without a run waits, says so, and ends with 0 when it is told to go', async () => {
  let sent = false;
  const ended = await runProgram('worker', ['start', '--threads', '1', '--id', 'idle', '--verbose'], {
    cwd: dir,
    env: { ONKO_BROKER: vhost.url },
    onOutput: (text, kill) => {
      if (sent || !text.includes('idle')) return;
      sent = true;
      kill('SIGTERM');
    },
  });
  expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 0, stack: [] });
});

it('a coordinator that waits for workers says what it waits for, and ends with 130 on Ctrl-C', async () => {
  let sent = false;
  const ended = await runProgram('coordinator', ['start', '--out', 'runs/waiting'], {
    cwd: dir,
    env: { ONKO_BROKER: vhost.url },
    onOutput: (text, kill) => {
      if (sent || !text.includes('Waiting for workers')) return;
      sent = true;
      kill('SIGINT');
    },
  });
  expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 130, stack: [] });
  expect(ended.stderr).toContain('worker start --broker');
  expect(ended.stdout).toMatch(/^Stopped before the first step\.\nGo on with .* --resume\n$/);
});

it('gives up with code 6 when no worker comes in time', async () => {
  const args = ['start', '--out', 'runs/alone', '--worker-wait', '1', '--log-level', 'error'];
  const ended = await runProgram('coordinator', args, { cwd: dir, env: { ONKO_BROKER: vhost.url } });
  expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 6, stack: [] });
  expect(ended.stderr).toMatch(/worker/);
});

it.each(['coordinator', 'worker'] as const)(
  '%s: a wrong password ends with code 4, and is not shown',
  async (program) => {
    const url = new URL(vhost.url);
    url.password = 'hunter2';
    const ended = await runProgram(program, ['start', '--log-level', 'error'], {
      cwd: dir,
      env: { ONKO_BROKER: url.href },
    });
    expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 4, stack: [] });
    expect(ended.stdout + ended.stderr).not.toContain('hunter2');
  },
);

it('the doctor reaches the broker', async () => {
  const ended = await runProgram('onko', ['doctor', '--broker', vhost.url], { cwd: dir });
  expect({ code: ended.code, stdout: ended.stdout }).toMatchObject({ code: 0 });
  expect(ended.stdout).toMatch(/^ok {4}broker .* answers$/m);
});
