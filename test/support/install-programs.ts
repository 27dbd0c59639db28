import { constants } from 'node:fs/promises';
import { can, installPackages, type Packages, where } from './debian-packages.js';

/** Path of a program, or how to get it. */
export type ProgramSearch = { path: string } | { path: null; why: string };

interface Program {
  /** Names a binary that is taken instead of all others. */
  variable: string;
  paths: readonly string[];
  packages: Packages;
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
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

async function find({ paths }: Program): Promise<string | null> {
  const [path = null] = await where(paths, (one) => can(one, constants.X_OK));
  return path;
}

/** A program of this machine, installed first where that is possible. */
export async function findOrInstallProgram(name: ProgramName): Promise<ProgramSearch> {
  const program: Program = programs[name];
  const given = process.env[program.variable] ?? '';
  const help = `${program.remedy}, or name a binary in ${program.variable}`;
  if (given !== '') {
    return (await can(given, constants.X_OK))
      ? { path: given }
      : { path: null, why: `${program.variable} names ${given}, which cannot be executed; ${help}` };
  }
  const path = await find(program);
  if (path !== null) return { path };
  const refusal = await installPackages(program.packages);
  const installed = refusal === null ? await find(program) : null;
  if (installed !== null) return { path: installed };
  const nowhere = `there is no ${program.paths.join(', no ')}`;
  return { path: null, why: `${nowhere}, and ${refusal ?? 'installing its package brought none'}; ${help}` };
}
