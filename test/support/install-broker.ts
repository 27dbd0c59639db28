import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Where packages put the server's own script. The one on the PATH of Debian changes to another user first and cannot
 * run from a folder of ours.
 */
const serverScripts = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
  '/opt/homebrew/sbin/rabbitmq-server',
];

async function firstExecutable(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

/** The server's script, or null if this machine has none. */
export function findServer(): Promise<string | null> {
  return firstExecutable(serverScripts);
}

/** Whether the distribution's packages can be installed: Debian or Ubuntu, as root. */
export async function canInstallServer(): Promise<boolean> {
  return process.getuid?.() === 0 && (await firstExecutable(['/usr/bin/apt-get'])) !== null;
}

/**
 * Installs the distribution's RabbitMQ and leaves no system service running: the tests start an instance of their
 * own. About fifteen seconds and 35 MB.
 */
export async function installServer(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };
  await run('apt-get', ['update'], options);
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'rabbitmq-server'], options);
  // Where there is an init system it may have started the service all the same.
  await run('service', ['rabbitmq-server', 'stop'], { timeout: 30_000 }).catch(() => undefined);
}
