import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { allCommands } from '../../src/cli/commands/definitions.js';
import { exitCodes } from '../../src/cli/exit-codes.js';
import type { Host } from '../../src/cli/host.js';
import { knownNames, runProgram, unknownVariables } from '../../src/cli/main.js';
import { envOf, flagOf } from '../../src/cli/options/table.js';
import type { ProgramName } from '../../src/cli/program.js';

/** Runs a program in this process, against a made-up one. */
async function run(program: ProgramName, args: string[]) {
  const out = { code: 0, stdout: '', stderr: '' };
  const host: Host = {
    stdout: Object.assign(new EventEmitter(), { write: (text: string) => (out.stdout += text) }),
    stderr: { write: (text) => (out.stderr += text) },
    stdin: () => Readable.from([]),
    env: {},
    cwd: '/',
    now: () => 0,
    pid: 1,
    nodeVersion: '20.19.0',
    rssBytes: () => 0,
    signals: new EventEmitter(),
    exit: () => {},
  };
  out.code = await runProgram(program, args, host);
  return out;
}

it.each(allCommands.map((command) => [command.words, command] as const))(
  'onko %s --help names every option with its variable, examples and exit codes',
  async (words, command) => {
    const { code, stdout, stderr } = await run('onko', [...words.split(' '), '--help']);
    expect([code, stderr]).toEqual([0, '']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    for (const [key, row] of Object.entries(command.table)) {
      expect(text).toContain(flagOf(key));
      expect(text).toContain(envOf(key, row));
      if (row.fallback.type === 'required') expect(text).toMatch(new RegExp(`required; ${envOf(key, row)}`));
    }
    for (const example of command.examples) expect(stdout).toContain(example);
    for (const meaning of Object.values(exitCodes)) expect(stdout).toContain(meaning);
  },
);

it.each([
  ['coordinator', ['start', '--help'], '--min-workers'],
  ['worker', ['start', '--help'], '--once'],
  ['reducer', ['start', '--help'], '--once'],
  ['cnn-infer', ['--help'], '--eval'],
] as const)('%s is a program of its own', async (program, args, option) => {
  const { code, stdout } = await run(program, [...args]);
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: ${program}`);
  expect(stdout).toContain(option);
});

it.each(['onko', 'coordinator', 'worker', 'reducer', 'cnn-infer'] as const)(
  '%s --version says the version',
  async (program) => {
    const { code, stdout } = await run(program, ['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  },
);

it('lists its commands when it is called without one, as a mistake', async () => {
  const { code, stdout, stderr } = await run('onko', []);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('doctor');
});

it('knows its variables, and the near misses', () => {
  expect(knownNames().map(({ env }) => env)).toEqual(
    expect.arrayContaining(['ONKO_BROKER', 'ONKO_LR', 'ONKO_CONFIG']),
  );
  expect(unknownVariables({ ONKO_BROKER: 'x', ONKO_TEST_BROKER_URL: 'x', HOME: '/' })).toEqual([]);
  expect(unknownVariables({ ONKO_BROKR: 'x' })).toEqual([
    'the environment variable ONKO_BROKR means nothing to Onko. Did you mean "ONKO_BROKER"?',
  ]);
});
