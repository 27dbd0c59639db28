import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './repository.js';

export type Program = 'onko' | 'coordinator' | 'worker' | 'reducer' | 'cnn-infer';

export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A compiled program as a process of its own. */
export interface RunningProgram {
  readonly pid: number;
  /** Both streams so far. */
  output(): string;
  /** Resolves with the first match in the output; rejects with the whole output if the process ends without one. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ProgramEnd>;
}

export interface ProgramOptions {
  cwd: string;
  /** The whole environment, PATH apart. */
  env?: Record<string, string>;
  /** Blocks of 512 bytes that a file may have: beyond it every write fails, as on a full disk, for root too. */
  largestFileBlocks?: number;
  /** A command that runs the program, as `nice` would. */
  through?: readonly string[];
}

const running = new Set<RunningProgram>();

/** Starts a program with nothing of this machine's environment but the PATH. */
export function startProgram(program: Program, args: readonly string[], o: ProgramOptions): RunningProgram {
  const script = join(repository, 'dist', 'cli', `${program}.js`);
  const node = [process.execPath, script, ...args];
  const limited = ['sh', '-c', 'ulimit -f "$0" && exec "$@"', String(o.largestFileBlocks), ...node];
  const limitable = o.largestFileBlocks === undefined ? node : limited;
  const [command = '', ...rest] = [...(o.through ?? []), ...limitable];
  const child = spawn(command, rest, {
    cwd: o.cwd,
    env: { PATH: process.env['PATH'] ?? '', ...o.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const output = (): string => stdout + stderr;
  const checks = new Set<() => void>();
  const onOutput = (): void => {
    for (const check of checks) check();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    onOutput();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    onOutput();
  });
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running.delete(started);
      resolve({ code, signal, stdout, stderr });
    });
  });
  const started: RunningProgram = {
    pid: child.pid ?? 0,
    output,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(output());
          if (match === null) return;
          checks.delete(check);
          resolve(match);
        };
        checks.add(check);
        check();
        void ended.then(() => reject(new Error(`${program} ended without saying ${pattern}:\n${output()}`)));
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  };
  running.add(started);
  return started;
}

/** For `afterEach`: a test that failed leaves nothing behind. */
export async function endPrograms(): Promise<void> {
  const all = [...running];
  for (const program of all) program.kill('SIGKILL');
  await Promise.all(all.map((program) => program.ended));
}
