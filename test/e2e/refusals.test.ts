import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeModelFile } from '../../src/store/index.js';
import { levelFolder, levelModel } from '../infer/level-model.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { expectPlain } from '../support/expect-plain.js';
import { temporaryFolder } from '../support/small-data.js';
import {
  endPrograms,
  type Program,
  type ProgramEnd,
  type RunningProgram,
  startProgram,
} from '../support/start-program.js';

/** In every URL; must be in no output. */
const secret = 'hunter2';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let vhost: TestVhost;
beforeAll(async () => {
  folder = await temporaryFolder();
  vhost = await testVhost();
  await levelFolder(folder.path, 'training-a', 40);
  await writeFile(join(folder.path, 'model.safetensors'), encodeModelFile(levelModel));
  await writeFile(
    join(folder.path, 'onko.config.json'),
    '{"data": ".", "train": "training-a", "metricsPort": 0}',
  );
});
afterEach(endPrograms);
afterAll(async () => {
  await vhost?.dispose();
  await folder.dispose();
});

function changedUrl(change: (url: URL) => void): string {
  const url = new URL(vhost.url);
  change(url);
  return url.href;
}

function start(program: Program, url: string, args: string[] = []): RunningProgram {
  const env = { HOME: folder.path, ONKO_BROKER: url };
  return startProgram(program, ['start', '--log-level', 'error', ...args], { cwd: folder.path, env });
}

/** A worker, a reducer and a coordinator with this broker URL, to their ends. */
async function startWith(url: string): Promise<ProgramEnd[]> {
  const programs = [
    start('worker', url),
    start('reducer', url),
    start('coordinator', url, ['--out', 'runs/never']),
  ];
  return Promise.all(programs.map((program) => program.ended));
}

async function expectRefused(url: string, code: number, sentence: RegExp): Promise<void> {
  for (const end of await startWith(url)) {
    expectPlain(end, code, sentence);
    expect(end.stderr).not.toContain(secret);
  }
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const infer = (into: string, largestFileBlocks?: number): Promise<ProgramEnd> => {
  const args = ['training-a', '--model', 'model.safetensors', '--out', into, '--log-level', 'error'];
  const limit = largestFileBlocks === undefined ? {} : { largestFileBlocks };
  return startProgram('cnn-infer', args, { cwd: folder.path, env: { HOME: folder.path }, ...limit }).ended;
};

describe('a broker URL that leads nowhere', () => {
  it('a wrong password: code 4, with what to check', async () => {
    const url = changedUrl((one) => {
      one.password = secret;
    });
    await expectRefused(url, 4, /RabbitMQ at \S+:\d+ .*password/);
  });

  it('a port where nobody listens: code 4, with host and port', async () => {
    const port = await unusedPort();
    await expectRefused(`amqp://guest:${secret}@127.0.0.1:${port}`, 4, new RegExp(`127\\.0\\.0\\.1:${port}`));
  });

  it('a virtual host that does not exist: code 4, with its name', async () => {
    const url = changedUrl((one) => {
      one.pathname = '/nowhere';
    });
    await expectRefused(url, 4, /nowhere/);
  });

  it.each([`guest:${secret}@localhost`, secret, `http://guest:${secret}@localhost:5672`, 'amqp://'])(
    'no address of a broker (%s): code 2, with an example',
    async (url) => {
      await expectRefused(url, 2, /ONKO_BROKER.*amqp:\/\/HOST:5672/);
    },
  );
});

describe('reducers', () => {
  it('two of one name: one is refused with code 4, the other one stays', async () => {
    const twins = [start('reducer', vhost.url, ['--id', 'r0']), start('reducer', vhost.url, ['--id', 'r0'])];
    const refused = await Promise.race(twins.map(async (twin) => ({ twin, end: await twin.ended })));
    expectPlain(refused.end, 4, /already has a reducer named r0\. Give this one another name/);
    const [other] = twins.filter((twin) => twin !== refused.twin);
    other?.kill('SIGTERM');
    expect((await other?.ended)?.code).toBe(0);
  });

  it.each<[string, string[], RegExp]>([
    ['fewer than none', ['--reducers', '-1'], /--reducers: expected a whole number from 0 to 64, got "-1"/],
    ['more than there may be', ['--reducers', '300'], /from 0 to 64, got "300"/],
    [
      'of local SGD',
      ['--reducers', '2', '--mode', 'local-sgd'],
      /mode of this run is local-sgd: start it without/,
    ],
    [
      'of rounded gradients',
      ['--reducers', '2', '--gradients', 'int8'],
      /rounded \(int8\): start it without/,
    ],
  ])('%s: code 2, before a broker is asked', async (_what, args, sentence) => {
    const url = `amqp://guest:${secret}@127.0.0.1:${await unusedPort()}`;
    expectPlain(await start('coordinator', url, args).ended, 2, sentence);
  });
});

describe('a run that cannot be written', () => {
  it('where a file stands in the way of its folder: code 7', async () => {
    const { ended } = start('coordinator', vhost.url, [
      '--out',
      'training-a.csv/below',
      '--metrics-port',
      'none',
    ]);
    expectPlain(await ended, 7, /^Cannot write \S+: a file stands where .+\.$/m);
  });
});

describe('predictions that cannot be written', () => {
  it('on a full disk: code 7, and the predictions of before are whole', async () => {
    const predictions = join(folder.path, 'predicted', 'predictions.csv');
    expect((await infer('predicted')).code).toBe(0);
    const whole = await readFile(predictions, 'utf8');
    expectPlain(await infer('predicted', 1), 7, /^Cannot write \S+predictions\.csv: .+\.$/m);
    expect(await readFile(predictions, 'utf8')).toBe(whole);
  });

  it('where a file stands in the way: code 7', async () => {
    expectPlain(await infer('training-a.csv/below'), 7, /^Cannot write \S+: a file stands where .+\.$/m);
  });

  it('where a folder stands in the way: code 7', async () => {
    await mkdir(join(folder.path, 'taken', 'predictions.csv'), { recursive: true });
    expectPlain(await infer('taken'), 7, /^Cannot write \S+: a folder of that name .+\.$/m);
  });
});
