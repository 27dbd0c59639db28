import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const images = inject('images');
const project = `onkotest${randomBytes(3).toString('hex')}`;
const image = `onko:${project}`;

const env = {
  ...process.env,
  COMPOSE_PROJECT_NAME: project,
  ONKO_IMAGE: image,
  ONKO_NODE_IMAGE: images.node,
  ONKO_RABBITMQ_IMAGE: images.rabbitmq.at(-1) ?? '',
  ONKO_PROMETHEUS_IMAGE: images.prometheus,
  ONKO_RUN: 'trial',
  ONKO_EPOCHS: '30',
  // Any free ones: nobody else's may be taken.
  ONKO_PUBLISH_METRICS: '0',
  ONKO_PUBLISH_PROMETHEUS: '0',
  ONKO_PUBLISH_GRAFANA: '0',
  ONKO_PUBLISH_BROKER: '0',
};

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** Both versions of compose, as far as they are installed: `docker compose`, and the older `docker-compose`. */
const commands = [
  ['docker', 'compose'],
  ['docker-compose'],
  // Where the plugin is and the docker command does not look for it.
  ...(process.env['ONKO_TEST_COMPOSE'] === undefined ? [] : [[process.env['ONKO_TEST_COMPOSE']]]),
];
const found: { version: string; command: string[] }[] = [];
for (const command of commands) {
  const [program = '', ...words] = command;
  const { stdout } = await run(program, [...words, 'version', '--short']).catch(() => ({ stdout: '' }));
  if (stdout.trim() !== '') found.push({ version: stdout.trim(), command });
}

async function compose(...args: string[]): Promise<string> {
  const [program = '', ...words] = found[0]?.command ?? [];
  const given = [...words, '--file', `${root}deploy/compose.yaml`, ...args];
  const { stdout } = await run(program, given, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

const idsOf = async (service: string): Promise<string[]> =>
  (
    await docker(
      'ps',
      '--all',
      '--quiet',
      '--filter',
      `label=com.docker.compose.project=${project}`,
      '--filter',
      `label=com.docker.compose.service=${service}`,
    )
  )
    .split('\n')
    .filter((id) => id !== '');
const stateOf = async (
  id: string,
): Promise<{ Status: string; ExitCode: number; Health?: { Status: string } }> =>
  JSON.parse(await docker('inspect', '--format', '{{json .State}}', id));
const eventually = (what: () => Promise<void>, timeout = 200_000): Promise<void> =>
  vi.waitFor(what, { timeout, interval: 500 });

/** A port that is published before anybody listens takes connections and never answers. */
const get = (url: string): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(5_000) });

const place = async (service: string, port: number): Promise<string> => {
  const [id = ''] = await idsOf(service);
  return (await docker('port', id, `${port}/tcp`)).split('\n')[0] ?? '';
};

it('there is a compose command', () => {
  expect(
    found.map(({ version }) => version),
    'Install docker compose (Debian, Ubuntu: apt-get install docker-compose), or name a binary in ONKO_TEST_COMPOSE.',
  ).not.toEqual([]);
});

it.each(found)('compose $version takes the file', async ({ command: [program = '', ...words] }) => {
  const { stdout } = await run(program, [...words, '--file', `${root}deploy/compose.yaml`, 'config'], {
    env,
  });
  for (const service of ['setup', 'broker', 'coordinator', 'worker', 'prometheus', 'grafana'])
    expect(stdout).toMatch(new RegExp(`^  ${service}:$`, 'm'));
});

describe(`the services, ${images.grafana === null ? 'without Grafana (no image of it here)' : 'all of them'}`, () => {
  const services = ['setup', 'broker', 'coordinator', 'worker', 'prometheus'];
  if (images.grafana !== null) services.push('grafana');

  beforeAll(async () => {
    // The engine's own network, where a build reaches what this machine reaches.
    const network = images.standIns ? ['--network', 'host'] : [];
    await docker(
      'build',
      ...network,
      '--build-arg',
      `NODE_IMAGE=${images.node}`,
      '--file',
      `${root}deploy/Dockerfile`,
      '--tag',
      image,
      root,
    );
    await compose('up', '--detach', '--scale', 'worker=2', ...services);
  });
  afterAll(async () => {
    if (process.env['ONKO_TEST_KEEP'] !== undefined) return;
    await compose('down', '--volumes', '--timeout', '20').catch(() => undefined);
    await docker('image', 'rm', '--force', image).catch(() => undefined);
  });

  it('run as nobody special, on a file system that they cannot write', async () => {
    for (const service of ['coordinator', 'worker']) {
      const [id = ''] = await idsOf(service);
      expect(await docker('exec', id, 'id', '-u')).toBe('1000');
      await expect(docker('exec', id, 'touch', '/opt/onko/x')).rejects.toThrow(/Read-only file system/);
    }
  });

  it('each has its own secret, and sees no other', async () => {
    const [coordinator = ''] = await idsOf('coordinator');
    const [worker = ''] = await idsOf('worker');
    expect(await docker('exec', coordinator, 'ls', '/run/onko')).toBe('url');
    expect(await docker('exec', coordinator, 'cat', '/run/onko/url')).toMatch(/^amqp:\/\/onko-coordinator:/);
    expect(await docker('exec', worker, 'cat', '/run/onko/url')).toMatch(/^amqp:\/\/onko-worker:/);
    for (const id of [coordinator, worker])
      expect(await docker('inspect', '--format', '{{json .Config.Env}}', id)).not.toContain('amqp://');
  });

  it('two workers train the demo set, and are healthy', async () => {
    await eventually(async () => {
      const page = await (await get(`http://${await place('coordinator', 9464)}/metrics`)).text();
      expect(page).toMatch(/^onko_workers\{[^}]*\} 2$/m);
    });
    const workers = await idsOf('worker');
    expect(workers).toHaveLength(2);
    for (const id of workers)
      await eventually(async () => expect((await stateOf(id)).Health?.Status).toBe('healthy'));
  });

  it('Prometheus sees the run and the broker, and knows the alerts', async () => {
    const url = `http://${await place('prometheus', 9090)}/api/v1`;
    const ask = async (path: string): Promise<unknown> => (await (await get(`${url}/${path}`)).json()).data;
    for (const metric of [
      'onko_step > 0',
      'rabbitmq_connections > 0',
      'rabbitmq_detailed_queue_messages_ready',
    ])
      await eventually(async () =>
        // Of the run, also once it is over.
        expect(
          await ask(`query?query=${encodeURIComponent(`last_over_time((${metric})[10m:5s])`)}`),
        ).not.toMatchObject({
          result: [],
        }),
      );
    expect(JSON.stringify(await ask('rules'))).toContain('OnkoNoProgress');
  });

  it.runIf(images.grafana !== null)('Grafana has the three dashboards', async () => {
    await eventually(async () => {
      const response = await get(`http://${await place('grafana', 3000)}/api/search?type=dash-db`);
      const dashboards: { uid: string }[] = await response.json();
      expect(dashboards.map(({ uid }) => uid).toSorted()).toEqual([
        'onko-cluster',
        'onko-health',
        'onko-training',
      ]);
    });
  });

  it('the coordinator ends with the model, which cnn-infer of the same image uses', async () => {
    const [coordinator = ''] = await idsOf('coordinator');
    await eventually(
      async () => expect(await stateOf(coordinator)).toMatchObject({ Status: 'exited', ExitCode: 0 }),
      // A machine that does a dozen other things takes minutes for what takes seconds.
      500_000,
    );
    const out = await docker(
      'run',
      '--rm',
      '--read-only',
      '--network=none',
      '--volumes-from',
      coordinator,
      image,
      'cnn-infer',
      '/data/testing-a',
      '--eval',
      '--model',
      '/runs/trial/model.safetensors',
      '--out',
      '/runs/trial/testing-a',
    );
    expect(out).toMatch(/accuracy/i);
  }, 600_000);

  it('started again, everything goes on from where it was', async () => {
    await compose('up', '--detach', '--no-build', ...services);
    const [setup = ''] = await idsOf('setup');
    await eventually(async () => {
      const said = await docker('logs', setup);
      expect(said).toMatch(/accounts: there/);
      expect(said).toMatch(/data set: there/);
    });
  });
});
