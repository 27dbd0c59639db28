import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a Python program prints, line by line, each a JSON value. Its own words are in the error if it fails. */
export async function pythonLines<T>(python: string, args: readonly string[], cwd: string): Promise<T[]> {
  // One thread: the test files beside this one compute, too.
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  const { stdout } = await run(python, [...args], { cwd, env, maxBuffer: 2 ** 26 });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line): T => JSON.parse(line));
}
