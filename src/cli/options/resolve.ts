import { UsageError } from '../errors.js';
import type { Recipe } from '../recipes.js';
import type { ConfigFile } from './config-file.js';
import { ValueError } from './kinds.js';
import { configKeyOf, envOf, flagOf, type OptionRow, type OptionTable, type Values } from './table.js';

/** Where values may come from. `flags` are by key of the table, `stored` by config name: what a resumed run was started with. */
export interface Sources {
  flags: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string | undefined>>;
  config: ConfigFile | null;
  stored: Readonly<Record<string, unknown>>;
  /** By config name. */
  recipe?: Recipe | null;
}

/**
 * Flag, else environment, else config file, else what the resumed run has stored, else the recipe, else the default. An empty environment
 * variable counts as not set.
 * @throws UsageError naming the option, where the value came from, what was expected and what came
 */
export function resolveOptions<T extends OptionTable>(table: T, sources: Sources): Values<T> {
  const entries = Object.entries(table).map(([key, row]) => [key, resolveRow(key, row, sources)]);
  return Object.fromEntries(entries);
}

function resolveRow<T>(key: string, row: OptionRow<T>, sources: Sources): T | null {
  const given = lookUp(key, row, sources);
  // What was to be chosen at the start has been chosen.
  const found = given?.raw === 'auto' ? (storedValue(key, row, sources) ?? given) : given;
  const { fallback } = row;
  if (found !== null) {
    // What may be left out can also be taken back: by `none` on the command line, null in the config file.
    if (fallback.type === 'none' && (found.raw === null || found.raw === 'none')) return null;
    try {
      return row.kind.parse(found.raw, found.folder);
    } catch (error) {
      if (error instanceof ValueError) throw new UsageError(`${found.where}: ${error.message}.`);
      throw error;
    }
  }
  if (fallback.type === 'required') {
    throw new UsageError(`${flagOf(key)} (or ${envOf(key, row)}) is missing: ${fallback.why}`);
  }
  return fallback.type === 'value' ? fallback.value : null;
}

interface Found {
  raw: unknown;
  where: string;
  folder: string | null;
}

function storedValue(
  key: string,
  row: { as: string | null },
  { stored }: Pick<Sources, 'stored'>,
): Found | null {
  const configKey = configKeyOf(key, row);
  if (!Object.hasOwn(stored, configKey)) return null;
  return { raw: stored[configKey], where: `"${configKey}" of the run to resume`, folder: null };
}

function lookUp(
  key: string,
  row: { as: string | null },
  { flags, env, config, stored, recipe }: Sources,
): Found | null {
  const configKey = configKeyOf(key, row);
  const variable = envOf(key, row);
  if (flags[key] !== undefined) return { raw: flags[key], where: flagOf(key), folder: null };
  if ((env[variable] ?? '') !== '') return { raw: env[variable], where: variable, folder: null };
  if (config !== null && Object.hasOwn(config.values, configKey)) {
    return {
      raw: config.values[configKey],
      where: `"${configKey}" in ${config.path}`,
      folder: config.folder,
    };
  }
  const before = storedValue(key, row, { stored });
  if (before !== null) return before;
  if (recipe && Object.hasOwn(recipe.values, configKey)) {
    return {
      raw: recipe.values[configKey],
      where: `"${configKey}" of the recipe ${recipe.name}`,
      folder: null,
    };
  }
  return null;
}
