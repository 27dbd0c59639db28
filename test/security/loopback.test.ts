import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { levelFolder } from '../infer/level-model.js';
import { endPrograms, startProgram } from '../support/start-program.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-loopback-'));
  await levelFolder(dir, 'training-a', 160);
});
afterEach(endPrograms);
afterAll(() => rm(dir, { recursive: true, force: true }));

/**
 * A run that serves its metrics; → whether they answer at 127.0.0.1 and at 127.0.0.2. The second is another address of the machine,
 * which a server bound to the first does not have; on macOS there is no such address, and it never answers.
 */
async function answers(args: string[]): Promise<{ first: boolean; second: boolean }> {
  await writeFile(join(dir, 'onko.config.json'), JSON.stringify({ data: '.', train: 'training-a' }));
  const given = ['train', '--workers', '1', '--epochs', '1000', '--metrics-port', '0', ...args];
  const run = startProgram('onko', given, { cwd: dir, env: { HOME: dir } });
  const [, port = ''] = await run.says(/metrics are served url=http:\S+:(\d+)\//);
  const reaches = (host: string): Promise<boolean> =>
    fetch(`http://${host}:${port}/metrics`).then(
      ({ ok }) => ok,
      () => false,
    );
  return { first: await reaches('127.0.0.1'), second: await reaches('127.0.0.2') };
}

test('the metrics are served to this machine alone', async () => {
  expect(await answers([])).toEqual({ first: true, second: false });
});

test.runIf(process.platform === 'linux')('and on every address if one says so', async () => {
  expect(await answers(['--metrics-host', '0.0.0.0'])).toEqual({ first: true, second: true });
});
