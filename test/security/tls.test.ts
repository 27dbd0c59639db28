import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerError, createRabbitTransport, type TlsOptions } from '../../src/transport/index.js';
import { runProgram } from '../cli/run-program.js';
import type { PrivateBroker } from '../support/broker.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { startTlsBroker } from './tls-broker.js';

let certificates: Certificates;
let broker: PrivateBroker;
/** amqps://guest:guest@localhost:PORT */
let secureUrl: string;

beforeAll(async () => {
  certificates = await makeCertificates();
  broker = await startTlsBroker(certificates);
  secureUrl = `amqps://guest:guest@${broker.tlsPlace}`;
});
afterAll(async () => {
  await broker?.stop();
  await certificates?.dispose();
});

type Name = 'ca' | 'stranger' | 'client' | 'strangeClient';

function options(o: { ca?: Name; as?: Name; serverName?: string }): TlsOptions {
  return {
    ...(o.ca === undefined ? {} : { ca: Buffer.from(certificates[o.ca].cert) }),
    ...(o.as === undefined
      ? {}
      : { cert: Buffer.from(certificates[o.as].cert), key: Buffer.from(certificates[o.as].key) }),
    ...(o.serverName === undefined ? {} : { serverName: o.serverName }),
  };
}

async function complaint(url: string, tls: TlsOptions): Promise<string> {
  const error: unknown = await createRabbitTransport({ url, tls, connectTimeoutMs: 5_000 }).then(
    async (transport) => {
      await transport.close();
      return new Error('It worked.');
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  return error instanceof Error ? error.message : '';
}

test('with the authority and a certificate of our own: both links work', async () => {
  const transport = await createRabbitTransport({ url: secureUrl, tls: options({ ca: 'ca', as: 'client' }) });
  const boss = await transport.openCoordinator({ run: 'r1', fence: 1 });
  await transport.openWorker({ worker: 'w1' });
  await boss.deleteRun();
  await transport.close();
});

test('by an address that the certificate names, and by another one with --tls-server-name', async () => {
  const { port } = new URL(secureUrl);
  for (const tls of [
    options({ ca: 'ca', as: 'client' }),
    options({ ca: 'ca', as: 'client', serverName: 'localhost' }),
  ]) {
    const transport = await createRabbitTransport({ url: `amqps://guest:guest@127.0.0.1:${port}`, tls });
    await transport.close();
  }
});

describe('what a user reads when', () => {
  test("the broker's authority is not known", async () => {
    expect(await complaint(secureUrl, options({ as: 'client' }))).toMatch(
      /authority that this machine does not know \(\w+\).*--tls-ca/,
    );
  });

  test("--tls-ca is not the broker's authority", async () => {
    expect(await complaint(secureUrl, options({ ca: 'stranger', as: 'client' }))).toMatch(
      /does not come from the authority in --tls-ca/,
    );
  });

  test('the certificate is for another name', async () => {
    const tls = options({ ca: 'ca', as: 'client', serverName: 'broker.lan' });
    expect(await complaint(secureUrl, tls)).toMatch(
      /is for DNS:localhost, IP Address:127\.0\.0\.1, and broker\.lan was expected.*--tls-server-name/,
    );
  });

  test('the certificate has expired', async () => {
    const { cert, key } = certificates.expired;
    const server = createServer({ cert, key }, (socket) => socket.destroy());
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Expected a port.');
    expect(await complaint(`amqps://localhost:${address.port}`, options({ ca: 'ca' }))).toMatch(
      /has expired, or the clock/,
    );
    server.close();
    await once(server, 'close');
  });

  test('the broker asks for a certificate and gets none', async () => {
    expect(await complaint(secureUrl, options({ ca: 'ca' }))).toMatch(
      /lets in only clients with a certificate.*--tls-cert and --tls-key/,
    );
  });

  test('the broker gets one of an authority that it does not know', async () => {
    expect(await complaint(secureUrl, options({ ca: 'ca', as: 'strangeClient' }))).toMatch(
      /does not accept the certificate of --tls-cert \(ERR_SSL_\w+\)/,
    );
  });

  test('amqp:// meets a port with TLS', async () => {
    const url = secureUrl.replace('amqps:', 'amqp:');
    expect(await complaint(url, {})).toMatch(/does not speak AMQP.*amqps:\/\//);
  });

  test('amqps:// meets a port without', async () => {
    const url = broker.url.replace('amqp:', 'amqps:');
    expect(await complaint(url, options({ ca: 'ca', as: 'client' }))).toMatch(
      /does not speak TLS.*amqp:\/\//,
    );
  });
});

/** A worker that is refused in one sentence. */
async function worker(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  const { code, stderr } = await runProgram('worker', ['start', '--once', ...args], {
    cwd: certificates.folder,
    env,
  });
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).not.toContain('s3cret');
  return { code, stderr };
}

describe('on the command line', () => {
  const withSecret = 'amqps://user:s3cret@localhost:1';

  test.each<[string, string[], string, RegExp]>([
    ['a file that is not there', ['--tls-ca', 'none.pem'], withSecret, /--tls-ca none\.pem does not exist/],
    ['a folder', ['--tls-ca', '.'], withSecret, /--tls-ca \. cannot be read \(EISDIR\)/],
    ['no PEM', ['--tls-ca', 'ca-key.pem'], withSecret, /--tls-ca .*expected a certificate in PEM form/],
    [
      'a certificate as key',
      ['--tls-cert', 'client.pem', '--tls-key', 'client.pem'],
      withSecret,
      /expected a private key in PEM form/,
    ],
    [
      'the key of another certificate',
      ['--tls-cert', 'client.pem', '--tls-key', 'broker-key.pem'],
      withSecret,
      /--tls-key broker-key\.pem is not the key of the certificate in --tls-cert client\.pem/,
    ],
    ['a certificate without key', ['--tls-cert', 'client.pem'], withSecret, /of no use without --tls-key/],
    [
      'TLS options without TLS',
      ['--tls-ca', 'ca.pem'],
      'amqp://user:s3cret@localhost:1',
      /--tls-ca: expected an address that begins with amqps:\/\//,
    ],
    ['two addresses', ['--broker-file', 'ca.pem'], withSecret, /given twice/],
  ])('%s: exit code 2', async (_, args, url, says) => {
    const { code, stderr } = await worker(args, { ONKO_BROKER: url });
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });

  test('an address file that holds none, and one that does not exist: exit code 2, and not its content', async () => {
    await writeFile(join(certificates.folder, 'url'), 's3cret');
    const wrong = await worker(['--broker-file', 'url'], {});
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--broker-file url: expected an address/),
    });
    const missing = await worker([], { ONKO_BROKER_FILE: 'nowhere' });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringMatching(/nowhere does not exist/) });
  });

  test('no environment variable turns the check of the certificate off: exit code 4', async () => {
    const { code, stderr } = await runProgram('worker', ['start', '--once'], {
      cwd: certificates.folder,
      env: { ONKO_BROKER: secureUrl, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    });
    expect(stderr).toMatch(/authority that this machine does not know/);
    expect(code).toBe(4);
  });

  test('doctor, with the address in a file and the rest in variables', async () => {
    await writeFile(join(certificates.folder, 'url'), `${secureUrl}\n`);
    const { code, stdout } = await runProgram('onko', ['doctor', '--broker-file', 'url'], {
      cwd: certificates.folder,
      env: {
        ONKO_TLS_CA: certificates.ca.certFile,
        ONKO_TLS_CERT: certificates.client.certFile,
        ONKO_TLS_KEY: certificates.client.keyFile,
      },
    });
    expect(stdout).toMatch(/ok {4}broker +amqps:\/\/\*\*\*@localhost:\d+ answers/);
    expect(code).toBe(0);
  });
});
