// Runs of real processes for the measurements beside this file: a coordinator, some workers, what they say and what they weigh.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const workspace = mkdtempSync(join(tmpdir(), 'onko-bench-'));

const children = new Set();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(workspace, { recursive: true, force: true });
});

/** Every program has a home, a cache and a working folder of its own: nothing is shared but the broker. */
function start(program, args, { home, broker, env = {}, within = [] }) {
  const path = join(workspace, home);
  mkdirSync(path, { recursive: true });
  const script = fileURLToPath(new URL(`../dist/cli/${program}.js`, import.meta.url));
  const [command, ...rest] = [...within, process.execPath, script, ...args];
  const child = spawn(command, rest, {
    cwd: path,
    env: {
      PATH: process.env.PATH,
      HOME: path,
      ...(broker === undefined ? {} : { ONKO_BROKER: broker }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  const listeners = new Set();
  const hear = (chunk) => {
    output += chunk;
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise((resolve) =>
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    }),
  );
  const says = (pattern) =>
    new Promise((resolve, reject) => {
      const look = () => pattern.test(output) && (listeners.delete(look), resolve());
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`${program} ended without saying ${pattern}:\n${output}`)));
    });
  return { pid: child.pid, ended, says, output: () => output, kill: (signal) => child.kill(signal) };
}

export const startCoordinator = (broker, args, env = {}) =>
  start('coordinator', ['start', '--metrics-port', '0', ...args], { home: 'coordinator', broker, env });
/** `within`: a command that starts it somewhere else, like `ip netns exec NAME`. */
export const startWorker = (broker, name, args = [], within = []) =>
  start('worker', ['start', '--once', ...args], { home: name, broker, within });
export const startReducer = (broker, name, args = []) =>
  start('reducer', ['start', '--once', ...args], { home: name, broker });
export const startTraining = (args) => start('onko', ['train', ...args], { home: 'train' });
export const drawDemo = (args) => start('onko', ['dataset', 'demo', ...args], { home: 'demo' });
export const infer = (args) => start('cnn-infer', args, { home: 'infer' });

/** Waits for a program and throws with its output unless it ends with 0. */
export async function finished(program) {
  const { code, signal } = await program.ended;
  if (code !== 0) throw new Error(`ended with ${signal ?? code}:\n${program.output()}`);
  return program.output();
}

export const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Samples the resident memory of processes every second (from /proc, so on Linux only). MiB. */
export function weigh(pids) {
  const samples = pids.map(() => []);
  const timer = setInterval(() => {
    for (const [i, pid] of pids.entries()) {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        samples[i].push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      } catch {
        // It has ended.
      }
    }
  }, 1000);
  return () => {
    clearInterval(timer);
    return samples.map((of) => ({
      peak: Math.max(0, ...of),
      firstQuarter: median(of.slice(0, Math.ceil(of.length / 4))),
      lastQuarter: median(of.slice(-Math.ceil(of.length / 4))),
    }));
  };
}
