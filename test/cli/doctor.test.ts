import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askBrokerClock,
  judgeAccount,
  judgeClock,
  judgeLargest,
  judgeVersion,
} from '../../src/cli/doctor/broker.js';
import { type Finding, shown } from '../../src/cli/doctor/finding.js';
import { checkClock, checkKernels, checkMachine, checkNode } from '../../src/cli/doctor/machine.js';
import { importRoles, passwords, roleUrl } from '../security/role-broker.js';
import { type PrivateBroker, startPrivateBroker } from '../support/broker.js';
import { temporaryFolder, writeSmallSet } from '../support/small-data.js';
import { runProgram } from './run-program.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeSmallSet(join(folder.path, 'data'), { 'training-a': 30, 'training-b': 20 });
});
afterAll(() => folder.dispose());

/** The findings of a real doctor, by what they are about. */
async function doctor(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string; findings: Map<string, Finding> }> {
  const { code, stdout, stderr } = await runProgram('onko', ['doctor', '--json', ...args], {
    cwd: folder.path,
    env,
  });
  const list: Finding[] = JSON.parse(stdout);
  return { code, output: stdout + stderr, findings: new Map(list.map((one) => [one.what, one])) };
}

describe('a machine as it should be', () => {
  it('all is well, line by line, and nothing is left behind', async () => {
    const { code, stdout } = await runProgram('onko', ['doctor', '--data', 'data'], { cwd: folder.path });
    expect(code).toBe(0);
    for (const what of ['onko', 'node', 'machine', 'kernels', 'memory', 'decoder', 'clock', 'cache', 'runs'])
      expect(stdout).toMatch(new RegExp(`^(ok  |note)  ${what} `, 'm'));
    expect(stdout).toMatch(/^ok {4}data +images with labels: training-a 30, training-b 20$/m);
    expect(stdout).not.toContain('BAD');
  });
});

describe('folders', () => {
  it('a data folder without labels: code 3, and what was expected', async () => {
    const { code, findings } = await doctor(['--data', join(folder.path, 'data/training-a')]);
    expect(code).toBe(3);
    expect(findings.get('data')).toMatchObject({
      level: 'bad',
      code: 3,
      says: expect.stringContaining('training-a.csv'),
    });
  });

  it('labels whose images are missing are a note', async () => {
    await writeSmallSet(join(folder.path, 'gaps'), { 'training-a': 5 });
    await writeFile(join(folder.path, 'gaps/training-a.csv'), 'filename,digit\na00000.png,1\ngone.png,2\n');
    const { code, findings } = await doctor(['--data', 'gaps']);
    expect(code).toBe(0);
    expect(findings.get('data')).toMatchObject({ level: 'note', says: expect.stringContaining('1 rows') });
  });

  it('a cache and a run folder that cannot be written: code 7, with the options that change them', async () => {
    // Below a file not even root can make a folder.
    await writeFile(join(folder.path, 'file'), '');
    const { code, findings } = await doctor(['--cache-dir', 'file/cache', '--out', 'file/runs']);
    expect(code).toBe(7);
    expect(findings.get('cache')).toMatchObject({
      level: 'bad',
      remedy: expect.stringContaining('--cache-dir'),
    });
    expect(findings.get('runs')).toMatchObject({ level: 'bad', remedy: expect.stringContaining('--out') });
  });

  it('the model of the last run that is gone, and slow kernels where no fast ones run, are notes', async () => {
    await mkdir(join(folder.path, 'state/onko'), { recursive: true });
    await writeFile(join(folder.path, 'state/onko/last-run'), '/nowhere/model.safetensors\n');
    const { code, findings } = await doctor([]);
    expect(code).toBe(0);
    expect(findings.get('last run')).toMatchObject({ level: 'note' });
    const kernels = findings.get('kernels');
    if (kernels?.says.startsWith('native') === true) expect(kernels.level).toBe('ok');
    else expect(kernels).toMatchObject({ level: 'note', remedy: expect.stringContaining('npm run build') });
  });
});

const clocks = (wall: number[], monotonic: number[]) => ({
  wallMs: () => wall.shift() ?? 0,
  monotonicMs: () => monotonic.shift() ?? 0,
  pause: async () => undefined,
});

describe('the machine', () => {
  it.each([
    ['20.18.9', 'bad'],
    ['18.20.0', 'bad'],
    ['20.19.0', 'ok'],
    ['26.1.0', 'ok'],
  ])('Node %s: %s', (version, level) => expect(checkNode(version).level).toBe(level));

  it('little memory is a note with a remedy', () => {
    const found = checkMachine({ freeBytes: 200 * 2 ** 20, totalBytes: 2 ** 30 });
    expect(found).toMatchObject({ level: 'note', remedy: expect.stringContaining('--threads') });
  });

  it('kernels that are not here: code 2', () => {
    expect(checkKernels('cuda')).toMatchObject({ level: 'bad', code: 2 });
    expect(checkKernels('reference').level).toBe('ok');
  });

  const today = Date.UTC(2026, 5, 1);

  it('a clock that runs evenly', async () => {
    expect(await checkClock(clocks([today, today + 260], [5, 255]))).toMatchObject({ level: 'ok' });
  });

  it('a clock that is moved, and one that was never set', async () => {
    expect(await checkClock(clocks([today, today + 3_600_250], [5, 255]))).toMatchObject({
      level: 'note',
      says: expect.stringContaining('3600000 ms'),
    });
    expect(await checkClock(clocks([1000, 1250], [5, 255]))).toMatchObject({
      level: 'note',
      says: expect.stringContaining('1970'),
    });
  });
});

describe('what is found out about a broker', () => {
  it.each([
    ['RabbitMQ', '3.10.8', 'ok'],
    ['RabbitMQ', '4.1.0', 'ok'],
    ['RabbitMQ', '3.8.2', 'note'],
    ['LavinMQ', '4.1.0', 'note'],
  ])('%s %s: %s', (product, version, level) =>
    expect(judgeVersion({ product, version, connectMs: 3 }).level).toBe(level),
  );

  it('an account that may do nothing is told what is refused', () => {
    const refusals = { coordinator: 'no configure access', worker: 'no read access', reducer: 'none' };
    expect(judgeAccount({ user: 'u', vhost: 'v', refusals })).toMatchObject({
      code: 4,
      says: expect.stringContaining('no read access'),
    });
  });

  it('nothing is said of what could not be tried', () => expect(judgeLargest({ largest: null })).toEqual([]));

  it('clocks apart are a note, in both directions', () => {
    const broker = { wallMs: 1_000_000, stepMs: 1000 };
    expect(judgeClock(broker, 1_001_400).level).toBe('ok');
    expect(judgeClock(broker, 1_060_500).says).toMatch(/^60\.0 s behind/);
    expect(judgeClock(broker, 940_500).says).toMatch(/^60\.0 s ahead/);
    expect(judgeClock(null, 0).level).toBe('ok');
  });

  it('its clock comes from whatever page answers', async () => {
    const server = createServer((_, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const clock = await askBrokerClock('127.0.0.1', [1, port]);
    server.close();
    expect(Math.abs((clock?.wallMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await askBrokerClock('127.0.0.1', [1])).toBeNull();
  });

  it('a remedy stands in a line of its own', () => {
    expect(shown([judgeVersion({ product: 'RabbitMQ', version: '3.7.0', connectMs: 2 })])).toMatch(
      /^note {2}version +RabbitMQ 3\.7\.0, connected in 2 ms\n {19}→ /,
    );
  });
});

describe('a real broker', () => {
  let broker: PrivateBroker;
  beforeAll(async () => {
    broker = await startPrivateBroker();
    await importRoles(broker, 'clinic');
  });
  afterAll(() => broker?.stop());

  it('an account that may do everything: rights, version, largest message; and nothing stays on the broker', async () => {
    const { code, findings } = await doctor(['--broker', broker.url]);
    expect(code).toBe(0);
    expect(findings.get('account')?.says).toMatch(
      /user guest on virtual host \/ may be coordinator, worker and reducer$/,
    );
    expect(findings.get('version')?.says).toMatch(/^RabbitMQ \d+\.\d+/);
    expect(findings.get('messages')?.says).toMatch(/^8 MiB, .* confirmed in \d+ ms$/);
    expect(await broker.evaluate('length(rabbit_amqqueue:list(<<"/">>))')).toBe('0');
  });

  it.each([
    ['coordinator', /may be coordinator, and not worker or reducer$/],
    ['worker', /may be worker, and not coordinator or reducer$/],
    ['reducer', /may be reducer, and not coordinator or worker$/],
  ] as const)('the %s’s account may do that and no more', async (role, says) => {
    const { code, output, findings } = await doctor([], { ONKO_BROKER: roleUrl(broker.url, 'clinic', role) });
    expect(code, output).toBe(0);
    expect(findings.get('account')?.says).toMatch(says);
    expect(findings.get('messages')).toMatchObject({ level: 'ok' });
    expect(output).not.toContain(passwords[role]);
  });

  it('an account without rights: code 4, and what to give it', async () => {
    await broker.evaluate('rabbit_auth_backend_internal:add_user(<<"nobody">>, <<"secret">>, <<"test">>)');
    await broker.evaluate(
      'rabbit_auth_backend_internal:set_permissions(<<"nobody">>, <<"clinic">>, <<"^$">>, <<"^$">>, <<"^$">>, <<"test">>)',
    );
    const url = new URL(`${broker.url}/clinic`);
    [url.username, url.password] = ['nobody', 'secret'];
    const { code, findings } = await doctor([], { ONKO_BROKER: url.href });
    expect(code).toBe(4);
    expect(findings.get('account')).toMatchObject({
      level: 'bad',
      says: expect.stringContaining('definitions.json'),
    });
    expect(findings.has('messages')).toBe(false);
  });

  it('a broker short of memory takes no messages: code 4, and where to look', async () => {
    await broker.evaluate('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})');
    const { code, findings } = await doctor(['--broker', broker.url]);
    await broker.evaluate('rabbit_alarm:clear_alarm({resource_limit, memory, node()})');
    expect(code).toBe(4);
    expect(findings.get('messages')).toMatchObject({
      level: 'bad',
      says: expect.stringMatching(/low on memory/),
      remedy: expect.stringContaining('alarms'),
    });
  });

  it('a broker that takes small messages only: code 4, and the setting', async () => {
    await broker.evaluate('application:set_env(rabbit, max_message_size, 1000000)');
    await broker.evaluate('persistent_term:put(max_message_size, 1000000)');
    const { code, findings } = await doctor(['--broker', broker.url]);
    expect(code).toBe(4);
    expect(findings.get('messages')).toMatchObject({
      level: 'bad',
      says: expect.stringMatching(/larger than/),
      remedy: expect.stringContaining('max_message_size'),
    });
  });
});
