import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../support/small-data.js';
import { expectSettings } from './settings.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Service {
  image: string;
  build?: { dockerfile: string };
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
}

const source = readFileSync(join(root, 'deploy/compose.yaml'), 'utf8');
const file: { services: Record<string, Service>; volumes: Record<string, null> } = parse(source, {
  merge: true,
});
const services = Object.entries(file.services);

/** `${NAME:-default}` → default, as compose does where nothing is set. */
const filled = (text: string): string => text.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');

/** Services that mount a volume. */
const readers = (volume: string): string[] =>
  services.flatMap(([name, { volumes = [] }]) =>
    volumes.some((mount) => mount.startsWith(`${volume}:`)) ? [name] : [],
  );

describe('compose.yaml', () => {
  it('has no key that one of the two versions of compose refuses', () => {
    expect(
      Object.keys(file)
        .filter((key) => !key.startsWith('x-'))
        .toSorted(),
    ).toEqual(['services', 'volumes']);
  });

  it('needs no variable, and has no password in it', () => {
    for (const [, name] of source.matchAll(/\$\{([A-Z_]+)\}/g)) expect.fail(`${name} has no default`);
    expect(source).not.toMatch(/amqps?:\/\//);
  });

  it.each(services)('%s opens ports for this machine only, mounts what there is', (_, service) => {
    for (const port of service.ports ?? []) expect(filled(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    for (const mount of service.volumes ?? []) {
      const [from = ''] = filled(mount).split(':');
      if (from.startsWith('.')) expect(existsSync(join(root, 'deploy', from)), from).toBe(true);
      else expect(Object.keys(file.volumes)).toContain(from);
    }
  });

  it.each(services.filter(([, { build }]) => build !== undefined))('%s is contained', (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
  });

  it.each(['coordinator', 'worker'])('the options of %s are ones that it takes', (name) => {
    const { command = [], environment = {} } = file.services[name] ?? {};
    expectSettings(
      command,
      Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, filled(value)])),
    );
  });

  it('gives every secret to its reader only', () => {
    for (const [volume, reader] of [
      ['broker-secrets', 'broker'],
      ['coordinator-secrets', 'coordinator'],
      ['worker-secrets', 'worker'],
      ['grafana-secrets', 'grafana'],
    ] as const)
      expect(readers(volume)).toEqual(['setup', reader]);
  });
});

describe('its first start', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    for (const name of ['secrets/broker', 'secrets/coordinator', 'secrets/worker', 'secrets/grafana', 'data'])
      await mkdir(join(folder.path, name), { recursive: true });
    // A data set, so that none is drawn.
    await writeFile(join(folder.path, 'data/training-a.csv'), 'filename,digit\n');
  });
  afterAll(() => folder.dispose());

  const setup = (): string => {
    const script = join(root, 'deploy/container/setup.mjs');
    const places = ['--secrets', join(folder.path, 'secrets'), '--data', join(folder.path, 'data')];
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...places], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const secret = (path: string): Promise<string> => readFile(join(folder.path, 'secrets', path), 'utf8');

  it('draws accounts whose passwords are those of the addresses, once, and shows none', async () => {
    const said = setup();
    const definitions: { users: { name: string; password_hash: string }[] } = JSON.parse(
      await secret('broker/definitions.json'),
    );
    for (const role of ['coordinator', 'worker']) {
      const url = new URL((await secret(`${role}/url`)).trim());
      expect(url.username).toBe(`onko-${role}`);
      expect(url.host + url.pathname).toBe('broker:5672/onko');
      expect(url.password.length).toBeGreaterThan(30);
      expect(said).not.toContain(url.password);
      const kept = Buffer.from(
        definitions.users.find(({ name }) => name === url.username)?.password_hash ?? '',
        'base64',
      );
      const expected = createHash('sha256').update(kept.subarray(0, 4)).update(url.password).digest();
      expect(kept.subarray(4).equals(expected)).toBe(true);
    }
    expect((await secret('grafana/password')).length).toBeGreaterThan(30);
    const before = await Promise.all(
      ['broker/definitions.json', 'coordinator/url', 'worker/url'].map(secret),
    );
    expect(setup()).toBe('accounts: there\npassword of Grafana: there\ndata set: there\n');
    expect(
      await Promise.all(['broker/definitions.json', 'coordinator/url', 'worker/url'].map(secret)),
    ).toEqual(before);
  });
});

describe('the image', () => {
  it('is made of what there is, all of it let through by .dockerignore, with everything that the build needs', () => {
    const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
    const allowed = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) =>
      from.split(' '),
    );
    expect(copied.length).toBeGreaterThan(8);
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(
        allowed.some((one) => path === one || path.startsWith(`${one}/`)),
        path,
      ).toBe(true);
    }
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    );
    const needed = ['build', 'build:page'].flatMap((name) =>
      [...(scripts[name] ?? '').matchAll(/(?:node|tsc -p) (\S+)/g)].map(([, path = '']) => path),
    );
    expect(needed.length).toBeGreaterThan(2);
    for (const path of needed)
      expect(
        copied.some((one) => path === one || path.startsWith(`${one}/`)),
        path,
      ).toBe(true);
    expect(allowed.every((path) => existsSync(join(root, path)))).toBe(true);
  });
});
