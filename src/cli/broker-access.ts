import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TlsOptions } from '../transport/index.js';
import { UsageError } from './errors.js';
import type { brokerRows } from './options/broker-rows.js';
import { brokerUrl, ValueError } from './options/kinds.js';
import type { Values } from './options/table.js';

/** Ready for the transport: the options of a broker with their files read and checked. */
export interface BrokerAccess {
  url: string;
  tls: TlsOptions;
}

type BrokerValues = Values<typeof brokerRows>;

/** True if an address is given, by whatever way. */
export function namesBroker(values: BrokerValues): boolean {
  return values.broker !== null || values.brokerFile !== null;
}

/** @throws UsageError naming the option, what was expected and what came; never the address, which may hold a password */
export async function brokerAccess(values: BrokerValues): Promise<BrokerAccess> {
  const url = await addressOf(values);
  return { url, tls: await tlsOf(values, new URL(url).protocol === 'amqps:') };
}

async function addressOf({ broker, brokerFile }: BrokerValues): Promise<string> {
  if (broker !== null && brokerFile !== null) {
    throw new UsageError(
      'The broker’s address is given twice, by --broker (or ONKO_BROKER) and by --broker-file: take one of them back.',
    );
  }
  if (broker !== null) return broker;
  if (brokerFile === null) {
    throw new UsageError(
      '--broker (or ONKO_BROKER) is missing: say where RabbitMQ is, like amqp://HOST:5672/VHOST, with USER:PASSWORD@ before the host where they are needed; --broker-file reads it from a file. (`onko train` needs no broker.)',
    );
  }
  const content = (await read('--broker-file', brokerFile)).toString('utf8').trim();
  try {
    return brokerUrl.parse(content, null);
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--broker-file ${brokerFile}: ${error.message}.`);
    throw error;
  }
}

async function tlsOf(values: BrokerValues, secure: boolean): Promise<TlsOptions> {
  const { tlsCa, tlsCert, tlsKey, tlsServerName } = values;
  const given = {
    '--tls-ca': tlsCa,
    '--tls-cert': tlsCert,
    '--tls-key': tlsKey,
    '--tls-server-name': tlsServerName,
  };
  const flags = Object.entries(given).flatMap(([flag, value]) => (value === null ? [] : [flag]));
  if (flags.length > 0 && !secure) {
    throw new UsageError(
      `${flags.join(', ')}: expected an address that begins with amqps://, got amqp://, which is not encrypted. Change the address, or leave the TLS options out.`,
    );
  }
  if ((tlsCert === null) !== (tlsKey === null)) {
    const [has, lacks] = tlsCert === null ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new UsageError(`${has} is of no use without ${lacks}: a certificate and its key go together.`);
  }
  return {
    ...(tlsCa === null ? {} : { ca: (await certificateFile('--tls-ca', tlsCa)).content }),
    ...(tlsCert === null || tlsKey === null ? {} : await identity(tlsCert, tlsKey)),
    ...(tlsServerName === null ? {} : { serverName: tlsServerName }),
  };
}

async function identity(certPath: string, keyPath: string): Promise<{ cert: Buffer; key: Buffer }> {
  const { content: cert, certificate } = await certificateFile('--tls-cert', certPath);
  const key = await read('--tls-key', keyPath);
  const kindOfKey = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(key.toString('latin1'))) {
    throw new UsageError(
      `--tls-key ${keyPath} is encrypted, and there is nobody to ask for its passphrase: write one that is not (openssl pkey -in FILE -out FILE), readable by you alone.`,
    );
  }
  let privateKey: ReturnType<typeof createPrivateKey>;
  try {
    if (!kindOfKey.test(key.toString('latin1'))) throw new TypeError('no key');
    privateKey = createPrivateKey(key);
  } catch {
    throw new UsageError(
      `--tls-key ${keyPath}: expected a private key in PEM form (-----BEGIN PRIVATE KEY-----), got something else.`,
    );
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new UsageError(
      `--tls-key ${keyPath} is not the key of the certificate in --tls-cert ${certPath}: take the two files that were made together.`,
    );
  }
  return { cert, key };
}

async function certificateFile(
  flag: string,
  path: string,
): Promise<{ content: Buffer; certificate: X509Certificate }> {
  const content = await read(flag, path);
  try {
    if (!content.includes('-----BEGIN CERTIFICATE-----')) throw new TypeError('no certificate');
    // The first one is looked at; a file may hold a chain.
    return { content, certificate: new X509Certificate(content) };
  } catch {
    throw new UsageError(
      `${flag} ${path}: expected a certificate in PEM form (-----BEGIN CERTIFICATE-----), got something else.`,
    );
  }
}

async function read(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const why =
      code === 'ENOENT'
        ? 'does not exist; check the path'
        : `cannot be read (${code}); check its permissions`;
    throw new UsageError(`${flag} ${path} ${why}.`, { cause: error });
  }
}
