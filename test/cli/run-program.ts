import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a compiled program as a user would, in an environment without any ONKO_ variable of the machine's. */
export async function runProgram(
  program: 'onko' | 'coordinator' | 'worker' | 'reducer' | 'cnn-infer',
  args: readonly string[],
  o: {
    cwd: string;
    env?: Record<string, string>;
    /** Closes standard output at once, as `| head -0` does. */
    closeStdout?: boolean;
    /** Called with its standard input, which is empty otherwise. */
    input?: (stdin: Writable) => void;
    onOutput?: (text: string, kill: (s: NodeJS.Signals) => void) => void;
  },
): Promise<Ended> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('ONKO_'));
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(`../../dist/cli/${program}.js`, import.meta.url)), ...args],
    {
      cwd: o.cwd,
      env: {
        ...Object.fromEntries(clean),
        XDG_STATE_HOME: `${o.cwd}/state`,
        XDG_CACHE_HOME: `${o.cwd}/cache`,
        ...o.env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  // A program that ends before it has read everything is no failure of the test's.
  child.stdin.on('error', () => undefined);
  if (o.input === undefined) child.stdin.end();
  else o.input(child.stdin);
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  const take = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    ended[stream] += chunk.toString();
    o.onOutput?.(ended.stdout + ended.stderr, (signal) => child.kill(signal));
  };
  child.stdout.on('data', take('stdout'));
  child.stderr.on('data', take('stderr'));
  if (o.closeStdout === true) child.stdout.destroy();
  ended.code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  return ended;
}

/** Exit code 0; if not, the failure shows what the program said. */
export function expectSuccess({ code, stderr }: Ended): void {
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

/** Lines of a stack trace: what a user must not see. */
export function stackLines(text: string): string[] {
  return text.split('\n').filter((line) => /^\s+at .*[:(]/.test(line));
}
