import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors.js';
import { didYouMean } from './nearest.js';

export interface ConfigFile {
  path: string;
  /** Relative paths in the file start here. */
  folder: string;
  values: Readonly<Record<string, unknown>>;
}

export const defaultConfigFile = 'onko.config.json';

/**
 * Reads the config file: one JSON object whose keys are option names of any command. Without a path, `onko.config.json` of the
 * current folder is taken if there is one.
 * @throws UsageError if a named file is missing, the JSON is broken, or a key is unknown
 */
export async function readConfigFile(
  path: string | null,
  cwd: string,
  known: readonly string[],
): Promise<ConfigFile | null> {
  const file = resolve(cwd, path ?? defaultConfigFile);
  let source: string;
  try {
    source = await readFile(file, 'utf8');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && path === null) return null;
    throw new UsageError(
      missing
        ? `The config file ${file} does not exist; check --config.`
        : `The config file ${file} cannot be read; check its permissions.`,
      { cause: error },
    );
  }
  const values = parseObject(source, file);
  for (const key of Object.keys(values)) {
    if (known.includes(key)) continue;
    throw new UsageError(`The config file ${file} has an unknown key "${key}".${didYouMean(key, known)}`);
  }
  return { path: file, folder: dirname(file), values };
}

function parseObject(source: string, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (error) {
    // The parser's own words quote the file, which may hold a password: say only where.
    const at = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const line = at === undefined ? '' : ` (line ${source.slice(0, Number(at)).split('\n').length})`;
    throw new UsageError(
      `The config file ${file} is not valid JSON${line}; correct it or choose another with --config.`,
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`The config file ${file} must hold one JSON object, like {"epochs": 10}.`);
  }
  return { ...parsed };
}
