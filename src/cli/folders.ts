import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { writeAtomically } from '../store/index.js';
import { NoModelError } from './errors.js';

type Env = Readonly<Record<string, string | undefined>>;

/** `$XDG_CACHE_HOME/onko`, by default `~/.cache/onko`. The option table puts --cache-dir and ONKO_CACHE_DIR before it. */
export function defaultCacheDir(env: Env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'onko');
}

/** Names the model file of the last run: `$XDG_STATE_HOME/onko/last-run`, by default below `~/.local/state`. */
export function lastRunFile(env: Env): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'onko', 'last-run');
}

/** Remembers a model as that of the last run. Throws OutputError or a system error; the caller may go on without. */
export async function rememberModel(env: Env, modelPath: string): Promise<void> {
  const file = lastRunFile(env);
  await mkdir(dirname(file), { recursive: true });
  await writeAtomically(file, `${resolve(modelPath)}\n`);
}

/** @throws NoModelError if there was no run yet */
export async function lastModel(env: Env): Promise<string> {
  const path = await readFile(lastRunFile(env), 'utf8').then(
    (content) => content.trim(),
    () => '',
  );
  if (path !== '') return path;
  throw new NoModelError(
    'There is no model yet: no run has ended on this machine. Train one with `onko train`, or name one with --model FILE.',
  );
}

/** `testing-a/` → `testing-a`, and `.` → its real name: the labels are in NAME.csv beside it. */
export function tidyFolder(path: string): string {
  const bare = path.replace(/[/\\]+$/, '');
  return ['', '.', '..'].includes(basename(bare)) ? resolve(path) : bare;
}
