import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files, made for one test run and thrown away with it: no key is ever committed. */
export interface Identity {
  cert: string;
  key: string;
  certFile: string;
  keyFile: string;
}

export interface Certificates {
  folder: string;
  /** Signs broker, client and expired. */
  ca: Identity;
  /** Another authority, that nobody trusts. */
  stranger: Identity;
  /** For localhost and 127.0.0.1. */
  broker: Identity;
  client: Identity;
  /** A client of the other authority. */
  strangeClient: Identity;
  /** For localhost, and over. */
  expired: Identity;
  dispose(): Promise<void>;
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  try {
    await run('openssl', args, { cwd: folder });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(
        'The tests of TLS make their certificates with the command openssl, and there is none: install it (Debian, Ubuntu: apt-get install openssl).',
        { cause: error },
      );
    }
    throw error;
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'onko-tls-'));
  const load = async (name: string): Promise<Identity> => {
    const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)];
    return {
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
      certFile,
      keyFile,
    };
  };
  const authority = async (name: string): Promise<Identity> => {
    const files = ['-keyout', `${name}-key.pem`, '-out', `${name}.pem`];
    await openssl(folder, 'req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, ...files);
    return load(name);
  };
  const signed = async (name: string, by: string, names: string, days: number): Promise<Identity> => {
    const request = ['-keyout', `${name}-key.pem`, '-out', `${name}.csr`];
    await openssl(folder, 'req', ...newKey, '-subj', `/CN=${name}`, ...request);
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
    const authorityFiles = ['-CA', `${by}.pem`, '-CAkey', `${by}-key.pem`, '-CAcreateserial'];
    const output = ['-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`];
    await openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...authorityFiles, ...output);
    return load(name);
  };
  const ca = await authority('ca');
  const stranger = await authority('stranger');
  return {
    folder,
    ca,
    stranger,
    broker: await signed('broker', 'ca', 'DNS:localhost,IP:127.0.0.1', 2),
    client: await signed('client', 'ca', 'DNS:client', 2),
    strangeClient: await signed('strange-client', 'stranger', 'DNS:client', 2),
    expired: await signed('expired', 'ca', 'DNS:localhost', -1),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
