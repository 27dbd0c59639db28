import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PrivateBroker } from '../support/broker.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { endPrograms, startProgram } from '../support/start-program.js';
import { writeTinyRun } from '../support/tiny-run.js';
import { importRoles, passwords, roleUrl } from './role-broker.js';
import { startTlsBroker } from './tls-broker.js';

let dir: string;
let certificates: Certificates;
let broker: PrivateBroker;
let env: Record<string, string>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-secrets-'));
  certificates = await makeCertificates();
  broker = await startTlsBroker(certificates);
  await importRoles(broker, 'lab');
  await writeTinyRun(dir, {
    options: {
      checkpointEvery: 1,
      metricsPort: 0,
      tlsCa: certificates.ca.certFile,
      tlsCert: certificates.client.certFile,
      tlsKey: certificates.client.keyFile,
    },
  });
  env = { HOME: dir };
});
afterEach(endPrograms);
afterAll(async () => {
  await broker?.stop();
  await certificates?.dispose();
  await rm(dir, { recursive: true, force: true });
});

/** Every way in which a password may be written: as it is, and as URLs, JSON and Base64 have it. */
const secrets = Object.values(passwords).flatMap((password) => [
  password,
  encodeURIComponent(password),
  encodeURI(password),
  Buffer.from(password).toString('base64').replace(/=+$/, ''),
]);

function expectNoSecret(where: string, content: string | Buffer): void {
  const found = secrets.filter((secret) => content.includes(secret));
  expect(found, `${where} shows a password`).toEqual([]);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

function secureUrl(role: 'coordinator' | 'worker'): string {
  return roleUrl(`amqps://${broker.tlsPlace}`, 'lab', role);
}

test.each([[[]], [['--json']]])(
  'a run over TLS, with roles, logging everything %s: no password in any output, file or metric',
  async (format) => {
    const out = format.length === 0 ? 'runs/plain' : 'runs/json';
    // The worker takes its address from a file that lies where no run writes.
    const addressFile = join(certificates.folder, 'worker-url');
    await writeFile(addressFile, secureUrl('worker'));
    const coordinator = startProgram(
      'coordinator',
      ['start', '--out', out, '--epochs', '40', '--log-level', 'debug', '--verbose', ...format],
      { cwd: dir, env: { ...env, ONKO_BROKER: secureUrl('coordinator') } },
    );
    const [, url = ''] = await coordinator.says(/url["=:]+(http:[^"\s]+)/);
    const worker = startProgram(
      'worker',
      [
        'start',
        '--once',
        '--threads',
        '1',
        '--id',
        'w1',
        '--verbose',
        '--broker-file',
        addressFile,
        ...format,
      ],
      { cwd: dir, env },
    );
    await worker.says(/Taking part/);
    expectNoSecret('the metrics page', await (await fetch(url)).text());
    const status = startProgram('onko', ['status', '--verbose'], {
      cwd: dir,
      env: { ...env, ONKO_BROKER: secureUrl('coordinator') },
    });
    const ends = await Promise.all([coordinator.ended, worker.ended, status.ended]);
    expect(ends.slice(0, 2).map(({ code, stderr }) => ({ code, why: code === 0 ? '' : stderr }))).toEqual([
      { code: 0, why: '' },
      { code: 0, why: '' },
    ]);
    for (const { stdout, stderr } of ends) expectNoSecret('an output', stdout + stderr);
    const files = await filesBelow(dir);
    for (const name of ['run.json', 'history.csv', 'model.safetensors'])
      expect(files).toContain(join(dir, out, name));
    expect(files.some((file) => file.includes('checkpoints'))).toBe(true);
    for (const file of files) expectNoSecret(file, await readFile(file));
  },
  120_000,
);

test.each<[string, (url: URL) => void]>([
  [
    'a wrong virtual host',
    (url) => {
      url.pathname = '/nowhere';
    },
  ],
  [
    'a wrong port',
    (url) => {
      url.port = '1';
    },
  ],
  [
    'a wrong user',
    (url) => {
      url.username = 'nobody';
    },
  ],
  [
    'no TLS',
    (url) => {
      url.protocol = 'amqp:';
    },
  ],
  [
    'no broker at all',
    (url) => {
      url.hostname = 'no-such-host.invalid';
    },
  ],
  ['the account of the other role', () => undefined],
])('%s: an error without the password, with all that --verbose adds', async (_, change) => {
  const url = new URL(secureUrl('worker'));
  change(url);
  const coordinator = startProgram('coordinator', ['start', '--out', 'runs/never', '--verbose'], {
    cwd: dir,
    env: { ...env, ONKO_BROKER: url.href },
  });
  const { code, stdout, stderr } = await coordinator.ended;
  expect(code).not.toBe(0);
  expect(stderr).not.toBe('');
  expectNoSecret('an error', stdout + stderr);
});

test.runIf(process.platform === 'linux')(
  'a password in a flag is gone from the command line that other users see, once the program runs',
  async () => {
    const worker = startProgram(
      'worker',
      ['start', '--broker', secureUrl('worker'), '--id', 'w2', '--verbose'],
      {
        cwd: dir,
        env,
      },
    );
    const cmdline = (): Promise<string> => readFile(`/proc/${worker.pid}/cmdline`, 'latin1');
    await worker.says(/kernels|Waiting|lobby|idle/i);
    const shown = await cmdline();
    expect(shown).toMatch(/^worker start --broker amqps:\/\/\*\*\*@localhost/);
    expectNoSecret('the command line', shown);
    worker.kill('SIGTERM');
    await worker.ended;
  },
);
