import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModelFile } from '../../src/store/index.js';
import { levelFolder, levelModel } from '../infer/level-model.js';
import { type Ended, runProgram, stackLines } from './run-program.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-cli-'));
  await levelFolder(dir, 'training-a', 40);
  await mkdir(join(dir, 'empty'));
  await writeFile(join(dir, 'empty.csv'), 'filename,digit\n');
  await levelFolder(dir, 'no-columns', 2);
  await writeFile(join(dir, 'no-columns.csv'), 'file;class\nimg0000.png;1\n');
  await levelFolder(dir, 'no-csv', 2);
  await rm(join(dir, 'no-csv.csv'));
  const model = encodeModelFile(levelModel);
  await writeFile(join(dir, 'model.safetensors'), model);
  await writeFile(join(dir, 'half.safetensors'), model.subarray(0, model.length / 2));
  await writeFile(
    join(dir, 'misfit.json'),
    JSON.stringify({
      name: 'misfit',
      input: [1, 8, 8],
      layers: [
        { type: 'conv2d', filters: 4, kernel: 9 },
        { type: 'flatten' },
        { type: 'linear', units: 10 },
        { type: 'softmax' },
      ],
    }),
  );
  await writeFile(join(dir, 'broken.json'), '{"name": ');
});
afterAll(() => rm(dir, { recursive: true }));

/** Whatever goes wrong: one or two plain sentences, on standard error only, and never a stack trace. */
function expectPlain(ended: Ended, code: number, ...parts: (string | RegExp)[]): void {
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code, stderr: ended.stderr });
  for (const part of parts) expect(ended.stderr).toMatch(part);
  expect(stackLines(ended.stderr)).toEqual([]);
  expect(ended.stderr).not.toContain('Something went wrong');
  expect(ended.stdout).toBe('');
}

const train = (...args: string[]) => runProgram('onko', ['train', '--data', dir, ...args], { cwd: dir });

describe('code 2: what was asked for cannot be', () => {
  it.each([
    { args: ['train', '--epoch', '3'], says: "Unknown option '--epoch'", hint: 'Did you mean --epochs?' },
    { args: ['trian'], says: "Unknown command 'trian'", hint: 'Did you mean train?' },
    {
      args: ['train', '--data', 'x', '--train', 'a', '--epochs', 'ten'],
      says: '--epochs: expected a whole number',
      hint: 'got "ten"',
    },
    { args: ['train', '--data', 'x'], says: '--train \\(or ONKO_TRAIN\\) is missing', hint: 'training-a' },
    { args: ['worker', 'start'], says: '--broker \\(or ONKO_BROKER\\) is missing', hint: 'onko train' },
    { args: ['train', 'extra'], says: 'Too many arguments', hint: 'help' },
    { args: ['infer'], says: "Missing required argument 'IMAGES'", hint: 'help' },
    {
      args: ['train', '--data', 'x', '--train', 'a', '--batch', '100'],
      says: 'The batch must be',
      hint: 'take',
    },
    {
      args: ['train', '--data', 'x', '--train', 'a', '--model', 'lenett'],
      says: 'no model named',
      hint: 'lenet',
    },
    { args: ['train', '--data', 'x', '--train', 'a', '--optimizer', 'sdg'], says: 'sdg', hint: 'sgd' },
    {
      args: ['train', '--data', 'x', '--train', 'a', '--resume'],
      says: '--resume needs --out',
      hint: 'RUN_DIR',
    },
    { args: ['train', '--config', 'missing.json'], says: 'missing.json does not exist', hint: '--config' },
  ])('onko $args', async ({ args, says, hint }) => {
    expectPlain(await runProgram('onko', args, { cwd: dir }), 2, new RegExp(says), hint);
  });

  it('a spec that does not fit names the layer, the shape expected and the shape found', async () => {
    expectPlain(
      await train('--train', 'training-a', '--model', 'misfit.json'),
      2,
      /Layer 0 \(conv2d\)/,
      /expected/,
      /found/,
    );
    expectPlain(await train('--train', 'training-a', '--model', 'broken.json'), 2, 'not valid JSON');
  });

  it('an unknown key in the config file is refused with the nearest name', async () => {
    await writeFile(join(dir, 'config.json'), '{"epoch": 3}');
    expectPlain(await train('--config', 'config.json'), 2, 'unknown key "epoch"', 'Did you mean "epochs"?');
  });

  it('a metrics port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const ended = await train('--train', 'training-a', '--metrics-port', port, '--log-level', 'error');
    await new Promise((resolve) => other.close(resolve));
    expectPlain(ended, 2, `127.0.0.1:${port} is taken`);
  });
});

describe('code 3: the data', () => {
  it.each([
    { folder: 'missing', says: /missing.* does not exist/ },
    { folder: 'empty', says: /empty/ },
    { folder: 'no-columns', says: /filename/ },
    { folder: 'no-csv', says: /no-csv\.csv does not exist/ },
  ])('training on $folder', async ({ folder, says }) => {
    expectPlain(await train('--train', folder, '--log-level', 'error'), 3, says);
  });

  it.each([
    { folder: 'missing', flags: [], says: /missing.* does not exist/ },
    { folder: 'empty', flags: [], says: /empty/ },
    { folder: 'no-columns', flags: ['--eval'], says: /filename/ },
    { folder: 'no-csv', flags: ['--eval'], says: /no-csv\.csv does not exist/ },
  ])('classifying $folder $flags', async ({ folder, flags, says }) => {
    const args = [folder, '--model', 'model.safetensors', '--log-level', 'error', ...flags];
    expectPlain(await runProgram('cnn-infer', args, { cwd: dir }), 3, says);
  });
});

describe('code 4: the broker', () => {
  it.each(['coordinator', 'worker'] as const)(
    '%s: nobody listens there, and the password stays secret',
    async (program) => {
      const args =
        program === 'worker'
          ? ['start']
          : ['start', '--data', dir, '--train', 'training-a', '--metrics-port', '0'];
      const ended = await runProgram(program, [...args, '--verbose'], {
        cwd: dir,
        env: { ONKO_BROKER: 'amqp://user:hunter2@127.0.0.1:1/v' },
      });
      expect(ended.code).toBe(4);
      expect(ended.stderr).toContain('127.0.0.1:1');
      expect(ended.stdout + ended.stderr).not.toContain('hunter2');
      const quiet = await runProgram(program, [...args, '--log-level', 'error'], {
        cwd: dir,
        env: { ONKO_BROKER: 'amqp://user:hunter2@127.0.0.1:1/v' },
      });
      expectPlain(quiet, 4, '127.0.0.1:1');
      expect(quiet.stderr).not.toContain('hunter2');
    },
  );

  it('the doctor says the same, and ends with the same code', async () => {
    const ended = await runProgram('onko', ['doctor', '--broker', 'amqp://user:hunter2@127.0.0.1:1'], {
      cwd: dir,
    });
    expect(ended.code).toBe(4);
    expect(ended.stdout).toMatch(/^BAD {3}broker/m);
    expect(ended.stdout + ended.stderr).not.toContain('hunter2');
  });
});

describe('code 5: a model that cannot be read', () => {
  it.each([
    { model: 'half.safetensors', says: /half\.safetensors/ },
    { model: 'missing.safetensors', says: /missing\.safetensors/ },
    { model: 'broken.json', says: /broken\.json/ },
    { model: 'training-a', says: /training-a/ },
  ])('$model', async ({ model, says }) => {
    const args = ['training-a', '--model', model, '--log-level', 'error'];
    expectPlain(await runProgram('cnn-infer', args, { cwd: dir }), 5, says);
  });

  it('no model was named and no run has ended yet', async () => {
    expectPlain(await runProgram('cnn-infer', ['training-a'], { cwd: dir }), 5, 'no model yet', '--model');
  });
});

it('code 7: the output cannot be written', async () => {
  await writeFile(join(dir, 'in-the-way'), '');
  const args = [
    'training-a',
    '--model',
    'model.safetensors',
    '--out',
    'in-the-way/x',
    '--log-level',
    'error',
  ];
  expectPlain(await runProgram('cnn-infer', args, { cwd: dir }), 7, 'in-the-way');
  // It is found out before the images are looked at, which may take long.
  await mkdir(join(dir, 'no-images'));
  await writeFile(join(dir, 'no-images', 'a.png'), 'text');
  const unusable = await runProgram('cnn-infer', ['no-images', ...args.slice(1)], { cwd: dir });
  expectPlain(unusable, 7, 'in-the-way');
});

it('goes on in silence when nobody reads its output', async () => {
  const args = ['training-a', '--model', 'model.safetensors', '--out', 'unread', '--log-level', 'error'];
  const ended = await runProgram('cnn-infer', args, { cwd: dir, closeStdout: true });
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
  expect(await readFile(join(dir, 'unread', 'predictions.csv'), 'utf8')).toContain('img0039.png');
});

it('shows the stack trace on request', async () => {
  const ended = await runProgram('onko', ['train', '--data', dir, '--train', 'missing', '--verbose'], {
    cwd: dir,
  });
  expect(ended.code).toBe(3);
  expect(stackLines(ended.stderr).length).toBeGreaterThan(0);
});

it('warns about variables that mean nothing', async () => {
  const ended = await runProgram('onko', ['doctor'], { cwd: dir, env: { ONKO_EPOCH: '3' } });
  expect(ended.stderr).toContain('ONKO_EPOCH means nothing to Onko. Did you mean "ONKO_EPOCHS"?');
});

it.each(['worker', 'reducer'] as const)(
  '%s: kernels that there are not, before the broker is asked for',
  async (program) => {
    const ended = await runProgram(program, ['start', '--kernels', 'NOPE'], {
      cwd: dir,
      env: { ONKO_BROKER: 'amqp://127.0.0.1:1' },
    });
    expectPlain(ended, 2, /no kernels named "NOPE" here/);
  },
);

it('a folder for the run that cannot be: code 7, before the images are decoded', async () => {
  const ended = await train('--train', 'training-a', '--out', 'broken.json/run', '--cache-dir', 'untouched');
  expectPlain(ended, 7, /Cannot write .*broken\.json.run: a file stands where a folder is needed/);
  await expect(access(join(dir, 'untouched'))).rejects.toThrow('ENOENT');
});
