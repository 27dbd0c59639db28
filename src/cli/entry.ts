import { redactText } from '../metrics/index.js';
import { collectAtOnce } from './garbage.js';
import type { Host } from './host.js';
import { runProgram } from './main.js';
import type { ProgramName } from './program.js';

/** Entry of the five programs: the real process as a host, and its exit code. */
export async function main(name: ProgramName): Promise<void> {
  // On Linux this overwrites what `ps` and /proc show of the command line: a password given by flag stands there for the moment that
  // Node takes to start, and no longer.
  process.title = [name, ...process.argv.slice(2)].map(redactText).join(' ');
  // `onko … | head` closes the pipe early: what is being done goes on, only its output is lost.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  collectAtOnce();
  const host: Host = {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => process.stdin,
    env: process.env,
    cwd: process.cwd(),
    now: () => performance.now(),
    pid: process.pid,
    nodeVersion: process.versions.node,
    rssBytes: () => process.memoryUsage.rss(),
    signals: process,
    exit: (code) => process.exit(code),
  };
  process.exitCode = await runProgram(name, process.argv.slice(2), host);
  // The end of the process is the event loop running empty, so that a slow pipe gets its last lines; a forgotten handle must not
  // keep a finished command alive.
  setTimeout(() => process.exit(), 3000).unref();
}
