import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Path of the server's own script, or why there is none. */
export type ServerSearch = { script: string } | { script: null; why: string };

/**
 * Where packages put the server's own script. The one on the PATH of Debian changes to another user first and cannot
 * run from a folder of ours.
 */
const serverScripts = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
  '/opt/homebrew/sbin/rabbitmq-server',
];

/** What systemd starts for the packages installed here, and where Debian puts the descriptions. */
const units = ['rabbitmq-server.service', 'epmd.socket', 'epmd.service'];
const unitFolder = '/lib/systemd/system';

function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function where<T>(all: readonly T[], condition: (one: T) => Promise<boolean>): Promise<T[]> {
  const verdicts = await Promise.all(all.map(condition));
  return all.filter((_, i) => verdicts[i]);
}

async function findServer(): Promise<string | null> {
  const [script = null] = await where(serverScripts, (path) => can(path, constants.X_OK));
  return script;
}

/**
 * This machine's rabbitmq-server, installed first where that is possible: on Debian and Ubuntu, as root. To be called
 * by one process of a test run only, since two that install get in one another's way.
 */
export async function findOrInstallServer(): Promise<ServerSearch> {
  const script = await findServer();
  if (script !== null) return { script };
  const nowhere = `there is no ${serverScripts.join(', no ')}`;
  if (!(await can('/usr/bin/apt-get', constants.X_OK)))
    return { script: null, why: `${nowhere}, and without apt-get the tests cannot install it` };
  if (process.getuid?.() !== 0)
    return { script: null, why: `${nowhere}, and the tests install it only when they run as root` };
  try {
    await installServer();
  } catch (error) {
    return { script: null, why: `${nowhere}, and it could not be installed: ${reasonOf(error)}` };
  }
  const installed = await findServer();
  return installed === null
    ? { script: null, why: `${nowhere}, not even after apt-get installed rabbitmq-server` }
    : { script: installed };
}

/** What apt-get has against it, in its own words (lines that begin with E:), else the whole error. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const complaints = message.split('\n').filter((line) => line.startsWith('E:'));
  return complaints.length > 0 ? complaints.join(' ') : message.trim();
}

/**
 * Installs the distribution's RabbitMQ and leaves no service of it running or set to start with the machine: the tests
 * start an instance of their own. Half a minute and 35 MB.
 */
async function installServer(): Promise<void> {
  // Without systemd the packages look at the runlevel; in the first one they start nothing.
  const env = {
    ...process.env,
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
    RUNLEVEL: '1',
    PREVLEVEL: 'N',
  };
  const aptGet = (...args: string[]): Promise<unknown> =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      env,
      timeout: 300_000,
      maxBuffer: 64 * 1024 * 1024,
    });
  const added = await unitsToAdd();
  if (added.length > 0) await run('systemctl', ['mask', '--runtime', ...added]);
  try {
    // A source that cannot be reached need not be the one that has the packages.
    await aptGet('update').catch(() => undefined);
    await aptGet('install', '-y', '--no-install-recommends', 'rabbitmq-server', 'openssl');
  } finally {
    if (added.length > 0) await run('systemctl', ['unmask', '--runtime', ...added]);
  }
  if (added.length > 0) await run('systemctl', ['disable', ...added]);
  else await run('update-rc.d', ['rabbitmq-server', 'disable']);
}

/** Units that installing adds, where systemd runs; one that is there already is somebody's, and stays as it is. */
async function unitsToAdd(): Promise<string[]> {
  if (!(await can('/run/systemd/system', constants.F_OK))) return [];
  return where(units, async (unit) => !(await can(`${unitFolder}/${unit}`, constants.F_OK)));
}
