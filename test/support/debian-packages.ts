import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Debian puts the descriptions of services. */
const unitFolder = '/lib/systemd/system';

export function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

export async function where<T>(all: readonly T[], condition: (one: T) => Promise<boolean>): Promise<T[]> {
  const verdicts = await Promise.all(all.map(condition));
  return all.filter((_, i) => verdicts[i]);
}

export interface Packages {
  names: readonly string[];
  /** What systemd would start for them. */
  units?: readonly string[];
  /** What the runlevels would start for them, where there is no systemd. */
  services?: readonly string[];
}

/**
 * Installs packages of the distribution, on Debian and Ubuntu, as root, and leaves no service of theirs running or set to
 * start with the machine: the tests start instances of their own. To be called by one process of a test run only, since two
 * that install get in one another's way.
 *
 * @returns null, or why they could not be installed: half a sentence
 */
export async function installPackages(packages: Packages): Promise<string | null> {
  if (!(await can('/usr/bin/apt-get', constants.X_OK))) return 'without apt-get the tests cannot install it';
  if (process.getuid?.() !== 0) return 'the tests install it only when they run as root';
  try {
    await install(packages);
    return null;
  } catch (error) {
    return `it could not be installed: ${reasonOf(error)}`;
  }
}

/** What apt-get has against it, in its own words (lines that begin with E:), else the whole error. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const complaints = message.split('\n').filter((line) => line.startsWith('E:'));
  return complaints.length > 0 ? complaints.join(' ') : message.trim();
}

async function install({ names, units = [], services = [] }: Packages): Promise<void> {
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
  const added = await unitsToAdd(units);
  if (added.length > 0) await run('systemctl', ['mask', '--runtime', ...added]);
  try {
    // A source that cannot be reached need not be the one that has the packages.
    await aptGet('update').catch(() => undefined);
    await aptGet('install', '-y', '--no-install-recommends', ...names);
  } finally {
    if (added.length > 0) await run('systemctl', ['unmask', '--runtime', ...added]);
  }
  if (added.length > 0) await run('systemctl', ['disable', ...added]);
  else for (const service of services) await run('update-rc.d', [service, 'disable']);
}

/** Units that installing adds, where systemd runs; one that is there already is somebody's, and stays as it is. */
async function unitsToAdd(units: readonly string[]): Promise<string[]> {
  if (!(await can('/run/systemd/system', constants.F_OK))) return [];
  return where(units, async (unit) => !(await can(`${unitFolder}/${unit}`, constants.F_OK)));
}
