import { CommanderError } from 'commander';
import { redactText } from '../metrics/index.js';
import type { AnyCommand } from './command.js';
import { allCommands } from './commands/definitions.js';
import { explainError } from './exit-codes.js';
import type { Host } from './host.js';
import { readConfigFile } from './options/config-file.js';
import { didYouMean } from './options/nearest.js';
import { resolveOptions, type Sources } from './options/resolve.js';
import { configKeyOf, envOf } from './options/table.js';
import { commonRows } from './options/tables.js';
import { buildProgram, type ProgramName } from './program.js';
import { openSession, type Session } from './session.js';

/** Runs a program to its end and returns the exit code; every error becomes its sentences on standard error. */
export async function runProgram(name: ProgramName, args: readonly string[], host: Host): Promise<number> {
  let code = 0;
  const program = buildProgram(name, host, async (command, flags, operands) => {
    code = await runCommand(command, flags, operands, host);
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has shown its message, or the help that was asked for.
    const asked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return asked ? 0 : 2;
  }
  return code;
}

async function runCommand(
  command: AnyCommand,
  flags: Readonly<Record<string, unknown>>,
  operands: string[],
  host: Host,
): Promise<number> {
  let session: Session | null = null;
  try {
    const sources = await readSources(flags, host);
    const run = await command.prepare(sources);
    session = openSession(host, operands, resolveOptions(commonRows, sources));
    for (const warning of unknownVariables(host.env)) session.log.warn(warning);
    return await run(session);
  } catch (error) {
    session?.endProgress();
    const cause =
      session?.signals.received() !== null && isAbort(error) ? session?.signals.stop.reason : error;
    return report(cause, flags, host);
  } finally {
    session?.close();
  }
}

/** Something that was waited for was abandoned because a signal came: the signal is the reason to tell. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

async function readSources(flags: Readonly<Record<string, unknown>>, host: Host): Promise<Sources> {
  const known = knownNames().map((names) => names.config);
  const early: Sources = { flags, env: host.env, config: null, stored: {} };
  const { config } = resolveOptions({ config: commonRows.config }, early);
  return { ...early, config: await readConfigFile(config, host.cwd, known) };
}

function report(error: unknown, flags: Readonly<Record<string, unknown>>, host: Host): number {
  const { code, message } = explainError(error);
  host.stderr.write(`${redactText(message)}\n`);
  const verbose =
    flags['verbose'] === true ||
    (host.env['ONKO_VERBOSE'] ?? '') !== '' ||
    host.env['ONKO_LOG_LEVEL'] === 'debug';
  if (verbose && error instanceof Error) {
    host.stderr.write(`${redactText(error.stack ?? '')}\n`);
    if (error.cause instanceof Error) host.stderr.write(`caused by ${redactText(error.cause.stack ?? '')}\n`);
  }
  return code;
}

/** Names of every option of every command. */
export function knownNames(): { config: string; env: string }[] {
  const names = allCommands.flatMap(({ table }) =>
    Object.entries(table).map(([key, row]) => ({ config: configKeyOf(key, row), env: envOf(key, row) })),
  );
  return [...new Map(names.map((name) => [name.env, name])).values()];
}

/** A misspelt variable would be ignored in silence; the environment is shared, so this is a warning and no error. */
export function unknownVariables(env: Host['env']): string[] {
  const known = knownNames().map((name) => name.env);
  return Object.keys(env)
    .filter((name) => name.startsWith('ONKO_') && !name.startsWith('ONKO_TEST_') && !known.includes(name))
    .map((name) => `the environment variable ${name} means nothing to Onko.${didYouMean(name, known)}`);
}
