import { expect } from 'vitest';
import { unknownVariables } from '../../src/cli/main.js';
import { resolveOptions } from '../../src/cli/options/resolve.js';
import { envOf } from '../../src/cli/options/table.js';
import { coordinatorTable, workerTable } from '../../src/cli/options/tables.js';

const tables = { coordinator: coordinatorTable, worker: workerTable };

/** A container's command line and environment are ones that the program takes: names, values and what is required. */
export function expectSettings(command: readonly string[], env: Readonly<Record<string, string>>): void {
  const [program, verb, ...flags] = command;
  if (program !== 'coordinator' && program !== 'worker')
    throw new Error(`Expected coordinator or worker, got ${command.join(' ')}.`);
  const table = tables[program];
  expect({ verb, flags }).toEqual({ verb: 'start', flags: program === 'coordinator' ? ['--resume'] : [] });
  const known = Object.entries(table).map(([key, row]) => envOf(key, row));
  expect(Object.keys(env).filter((name) => name.startsWith('ONKO_') && !known.includes(name))).toEqual([]);
  expect(unknownVariables(env)).toEqual([]);
  resolveOptions(table, { flags: {}, env, config: null, stored: {} });
}
