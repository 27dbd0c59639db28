import type { AnyCommand } from './command.js';
import { exitCodes } from './exit-codes.js';
import { envOf, type OptionRow } from './options/table.js';

/** What stands behind a flag in the help: meaning, default, environment variable; all from its row. */
export function describeOption(key: string, row: OptionRow<unknown>): string {
  return `${row.describe} (${[fallbackText(row), envOf(key, row)].filter((part) => part !== '').join('; ')})`;
}

function fallbackText({ fallback, kind }: OptionRow<unknown>): string {
  if (fallback.type === 'required') return 'required';
  if (fallback.type === 'none') return fallback.note === null ? '' : `default: ${fallback.note}`;
  return kind.placeholder === null ? '' : `default: ${kind.show(fallback.value)}`;
}

/** Below the options: examples, where else options may stand, exit codes. */
export function helpFooter(command: AnyCommand): string {
  return [
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
    'Every option may also stand in the environment (the name in brackets) or in a JSON config file, under the',
    'name of its variable without ONKO_ and in camelCase: ONKO_MIN_WORKERS, "minWorkers". A flag goes before the',
    'environment, that before the file, that before the default. Switches take true or false there; --no-… turns',
    'one off again.',
    '',
    exitCodeText(),
  ].join('\n');
}

export function exitCodeText(): string {
  const rows = Object.entries(exitCodes).map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`);
  return ['Exit codes:', ...rows].join('\n');
}
