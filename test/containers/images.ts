import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const builder = fileURLToPath(new URL('local/build.sh', import.meta.url));

/** The images that the tests run, by name. */
export interface Images {
  /** The transport and a training run are tried on each. */
  rabbitmq: string[];
  /** What deploy/Dockerfile builds on. */
  node: string;
  prometheus: string;
  /** null where it cannot be had: no distribution packages Grafana. */
  grafana: string | null;
  /** True if what was asked for cannot be reached, and stand-ins were built from the distribution's packages. */
  standIns: boolean;
}

const wanted = {
  rabbitmq: ['rabbitmq:3.13-management', 'rabbitmq:4-management'],
  node: 'node:24-bookworm-slim',
  prometheus: 'prom/prometheus:v3.0.1',
  grafana: 'grafana/grafana:12.0.0',
};

function reason(error: unknown): string {
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  return text.trim().split('\n').at(-1) ?? '';
}

/** @returns null if the image is here, else why it cannot be: one line */
async function fetchImage(image: string): Promise<string | null> {
  try {
    await run('docker', ['image', 'inspect', image]);
    return null;
  } catch {
    // Not here yet.
  }
  return run('docker', ['pull', '--quiet', image]).then(() => null, reason);
}

async function standIn(what: 'rabbitmq' | 'node' | 'prometheus', suite: string): Promise<string> {
  try {
    const { stdout } = await run(builder, [what, suite], { timeout: 900_000, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  } catch (error) {
    throw new Error(
      `No registry can be reached, and ${builder} ${what} ${suite} could not build a stand-in from Debian's packages: ${reason(error)}`,
      { cause: error },
    );
  }
}

/**
 * Images named by ONKO_TEST_RABBITMQ_IMAGES (commas between) are taken as they are. Else the public ones; where the engine
 * cannot fetch them, what Debian 12 and 13 package: RabbitMQ 3.10 and 4.0.
 *
 * @throws Error that says what could not be had, and what to do
 */
export async function findImages(): Promise<Images> {
  await run('docker', ['version', '--format', '{{.Server.Version}}']).catch((error: unknown) => {
    throw new Error(
      `npm run test:containers needs a Docker engine and its command line: ${reason(error)}. Install one (Debian, Ubuntu: apt-get install docker.io docker-compose), start it, and name its socket in DOCKER_HOST if it is not the usual one.`,
      { cause: error },
    );
  });
  const given = (process.env['ONKO_TEST_RABBITMQ_IMAGES'] ?? '').split(',').filter((name) => name !== '');
  for (const image of given) {
    const refusal = await fetchImage(image);
    if (refusal !== null) throw new Error(`ONKO_TEST_RABBITMQ_IMAGES names ${image}: ${refusal}`);
  }
  const refusals = await Promise.all([...wanted.rabbitmq, wanted.node, wanted.prometheus].map(fetchImage));
  if (refusals.every((refusal) => refusal === null)) {
    const grafana = (await fetchImage(wanted.grafana)) === null ? wanted.grafana : null;
    const rabbitmq = given.length > 0 ? given : wanted.rabbitmq;
    return { ...wanted, rabbitmq, grafana, standIns: false };
  }
  return {
    rabbitmq:
      given.length > 0 ? given : [await standIn('rabbitmq', 'bookworm'), await standIn('rabbitmq', 'trixie')],
    node: await standIn('node', 'bookworm'),
    prometheus: await standIn('prometheus', 'bookworm'),
    grafana: null,
    standIns: true,
  };
}
