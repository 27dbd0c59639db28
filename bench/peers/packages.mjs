// Packages of npm that are no dependencies, where somebody installed them: beside Onko, or in the folder that ONKO_BENCH_MODULES names.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const from = process.env.ONKO_BENCH_MODULES ?? fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(join(from, 'x.js'));

/** The packages, in order, or null if one of them is not there. */
export function packages(...names) {
  try {
    return names.map((name) => require(name));
  } catch {
    return null;
  }
}

export const version = (name) => require(`${name}/package.json`).version;
