import { execFile } from 'node:child_process';
import { constants } from 'node:fs/promises';
import { promisify } from 'node:util';
import { can, installPackages, type Packages, where } from './debian-packages.js';

const run = promisify(execFile);

/** Path of a program, or how to get it. */
export type ProgramSearch = { path: string } | { path: null; why: string };

interface Program {
  /** Names a binary that is taken instead of all others. */
  variable: string;
  paths: readonly string[];
  packages: Packages;
  /** Arguments with which it ends well if it has all that the tests need of it. */
  proof?: readonly string[];
  /** What to do where the tests cannot install it. */
  remedy: string;
}

const prometheus: Packages = {
  names: ['prometheus'],
  units: ['prometheus.service', 'prometheus-node-exporter.service'],
  services: ['prometheus'],
};

/** What some tests need beside Node, and where it comes from. */
export const programs = {
  chromium: {
    variable: 'ONKO_TEST_CHROMIUM',
    paths: [
      '/usr/bin/chromium',
      '/usr/bin/chromium-browser',
      '/usr/bin/google-chrome',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
    packages: { names: ['chromium'] },
    remedy: 'install Chromium (Debian: apt-get install chromium)',
  },
  prometheus: {
    variable: 'ONKO_TEST_PROMETHEUS',
    paths: ['/usr/bin/prometheus', '/usr/local/bin/prometheus', '/opt/homebrew/bin/prometheus'],
    packages: prometheus,
    remedy: 'install Prometheus (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus)',
  },
  promtool: {
    variable: 'ONKO_TEST_PROMTOOL',
    paths: ['/usr/bin/promtool', '/usr/local/bin/promtool', '/opt/homebrew/bin/promtool'],
    packages: prometheus,
    remedy: 'install Prometheus (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus)',
  },
  python: {
    variable: 'ONKO_TEST_PYTHON',
    paths: ['/usr/bin/python3', '/usr/local/bin/python3', '/opt/homebrew/bin/python3'],
    packages: { names: ['python3-numpy'] },
    proof: ['-c', 'from numpy.lib.stride_tricks import sliding_window_view'],
    remedy:
      'install Python 3 with numpy 1.20 or later (Debian, Ubuntu: apt-get install python3-numpy; else: pip install numpy)',
  },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

async function find(program: Program): Promise<string | null> {
  const [path = null] = await where(program.paths, (one) => serves(program, one));
  return path;
}

async function serves({ proof }: Program, path: string): Promise<boolean> {
  if (!(await can(path, constants.X_OK))) return false;
  if (proof === undefined) return true;
  return run(path, [...proof]).then(
    () => true,
    () => false,
  );
}

/** A program of this machine, installed first where that is possible. */
export async function findOrInstallProgram(name: ProgramName): Promise<ProgramSearch> {
  const program: Program = programs[name];
  const given = process.env[program.variable] ?? '';
  const help = `${program.remedy}, or name a binary in ${program.variable}`;
  if (given !== '') {
    if (await serves(program, given)) return { path: given };
    const fault =
      program.proof === undefined ? 'cannot be executed' : 'does not run, or lacks what the tests need';
    return { path: null, why: `${program.variable} names ${given}, which ${fault}; ${help}` };
  }
  const path = await find(program);
  if (path !== null) return { path };
  const refusal = await installPackages(program.packages);
  const installed = refusal === null ? await find(program) : null;
  if (installed !== null) return { path: installed };
  const enough = program.proof === undefined ? '' : ' that has all the tests need';
  const nowhere = `there is no ${program.paths.join(', no ')}${enough}`;
  return { path: null, why: `${nowhere}, and ${refusal ?? 'installing its package brought none'}; ${help}` };
}
