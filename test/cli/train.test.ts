import { statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { levelFolder } from '../infer/level-model.js';
import { modelSha256 } from '../support/model-sha256.js';
import { overlaps, readTrace } from '../support/read-trace.js';
import { writeTinyRun } from '../support/tiny-run.js';
import { expectSuccess, runProgram, stackLines } from './run-program.js';

let dir = '';
const epochs = 60;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-train-'));
  await writeTinyRun(dir, { hidden: 16, options: { lr: 0.05, epochs, validate: 0.1 } });
  await levelFolder(dir, 'testing-a', 30);
});
afterAll(() => rm(dir, { recursive: true }));

const sha256 = (run: string): Promise<string> => modelSha256(join(dir, run));

it('trains on one machine, says where everything is, and cnn-infer finds the model by itself', async () => {
  const trained = await runProgram('onko', ['train', '--workers', '2', '--out', 'runs/two'], { cwd: dir });
  expectSuccess(trained);
  expect(trained.stdout).toContain(`Trained ${epochs} epochs`);
  expect(trained.stdout).toContain(await sha256('runs/two'));
  const files = await readdir(join(dir, 'runs/two'));
  expect(files).toEqual(
    expect.arrayContaining(['run.json', 'model.safetensors', 'history.csv', 'curves.png', 'checkpoints']),
  );
  for (const name of ['model.safetensors', 'history.csv', 'curves.png'])
    expect(trained.stdout).toContain(name);

  const inferred = await runProgram('cnn-infer', ['testing-a', '--eval'], { cwd: dir });
  expectSuccess(inferred);
  expect(inferred.stdout).toContain('Classified 30 images of testing-a');
  expect(inferred.stdout).toContain('confusion matrix');
  const rows = (await readFile(join(dir, 'testing-a', 'predictions.csv'), 'utf8')).trim().split('\n');
  expect(rows).toHaveLength(31);
});

it('writes the same model with another number of workers', async () => {
  const trained = await runProgram('onko', ['train', '--workers', '3', '--out', 'runs/three'], { cwd: dir });
  expect(trained.code).toBe(0);
  expect(await sha256('runs/three')).toBe(await sha256('runs/two'));
});

it('ends in order on SIGTERM, goes on with --resume and nothing repeated, and comes to the same bits', async () => {
  let sent = false;
  const stopped = await runProgram('onko', ['train', '--workers', '2', '--out', 'runs/stopped', '--json'], {
    cwd: dir,
    onOutput: (text, kill) => {
      if (sent || !text.includes('Epoch 3 of')) return;
      sent = true;
      kill('SIGTERM');
    },
  });
  expect(stopped.code).toBe(143);
  expect(stopped.stdout).toMatch(/^Stopped after \d+ epochs/);
  expect(stopped.stdout).toContain('Go on with');
  expect(stackLines(stopped.stderr)).toEqual([]);
  for (const line of stopped.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');

  // A config without the run's own options: they come from the run folder.
  await writeFile(join(dir, 'resume.json'), '{"data": "."}');
  const args = ['train', '--config', 'resume.json', '--resume', '--out', 'runs/stopped', '--workers', '1'];
  const resumed = await runProgram('onko', args, { cwd: dir });
  expectSuccess(resumed);
  expect(await sha256('runs/stopped')).toBe(await sha256('runs/two'));
});

it('refuses to start over in a folder that holds a run, and to resume as something else', async () => {
  const again = await runProgram('onko', ['train', '--out', 'runs/two', '--log-level', 'error'], {
    cwd: dir,
  });
  expect({ code: again.code, stack: stackLines(again.stderr) }).toEqual({ code: 2, stack: [] });
  const args = ['train', '--out', 'runs/two', '--resume', '--seed', '9', '--log-level', 'error'];
  const other = await runProgram('onko', args, { cwd: dir });
  expect({ code: other.code, stack: stackLines(other.stderr) }).toEqual({ code: 2, stack: [] });
});

it('serves its metrics while it trains', async () => {
  let body: Promise<string> | null = null;
  const args = ['train', '--out', 'runs/metrics', '--metrics-port', '0', '--workers', '1'];
  const trained = await runProgram('onko', args, {
    cwd: dir,
    onOutput: (text) => {
      const url = /url=(\S+\/metrics)/.exec(text)?.[1];
      if (url === undefined || body !== null || !text.includes('Epoch 1 of')) return;
      body = fetch(url).then((response) => response.text());
    },
  });
  expect(trained.code).toBe(0);
  const metrics = await (body ?? Promise.resolve(''));
  expect(metrics).toContain('process_resident_memory_bytes');
  expect(metrics).toMatch(/^onko_/m);
});

it('writes a timeline that is whole, also when it is killed', async () => {
  const args = ['train', '--epochs', '4', '--out', 'runs/traced', '--trace', 'whole.json'];
  const traced = await runProgram('onko', args, { cwd: dir });
  expect(traced.code).toBe(0);
  const whole = readTrace(await readFile(join(dir, 'whole.json'), 'utf8'));
  expect(whole.filter(({ name }) => /^step \d+$/.test(name))).toHaveLength(3 * 4);
  expect(overlaps(whole)).toEqual([]);

  const path = join(dir, 'killed.json');
  const out = ['--out', 'runs/killed', '--epochs', '2000', '--trace', path];
  const killed = await runProgram('onko', ['train', ...out], {
    cwd: dir,
    onOutput: (text, kill) => {
      if (text.includes('Epoch 2 of') && statSync(path).size > 1_000) kill('SIGKILL');
    },
  });
  expect(killed.code).toBeNull();
  const left = readTrace(await readFile(path, 'utf8'));
  expect(left.filter(({ name }) => /^step \d+$/.test(name)).length).toBeGreaterThan(0);
});

it('stops with code 7 before it trains when the timeline cannot be written', async () => {
  const args = ['train', '--out', 'runs/untraced', '--trace', 'missing/trace.json', '--log-level', 'error'];
  const ended = await runProgram('onko', args, { cwd: dir });
  expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 7, stack: [] });
  expect(ended.stderr).toContain('trace.json: its folder does not exist');
});

it('stops with code 6 when the loss is not finite, and says what to do', async () => {
  const args = [
    'train',
    '--out',
    'runs/diverged',
    '--optimizer',
    'sgd',
    '--lr',
    '3e38',
    '--schedule',
    'constant',
  ];
  const ended = await runProgram('onko', [...args, '--log-level', 'error'], { cwd: dir });
  expect({ code: ended.code, stack: stackLines(ended.stderr) }).toEqual({ code: 6, stack: [] });
  expect(ended.stderr).toMatch(/finite/);
});
