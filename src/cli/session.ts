import {
  createLog,
  createProgressLine,
  type Log,
  type LogLevel,
  type ProgressLine,
  type ProgressReport,
} from '../metrics/index.js';
import type { Host, ResultStream } from './host.js';
import { type Signals, watchSignals } from './signals.js';

/** What a command works with: the log and the progress line on standard error, results on standard output, signals. */
export interface Session {
  host: Host;
  log: Log;
  signals: Signals;
  /** The operand (IMAGES, DIR), the first if there may be many; '' for commands without one. */
  operand: string;
  operands: readonly string[];
  /** Progress is one line that moves, on a terminal. */
  moving: boolean;
  progress(report: ProgressReport): void;
  endProgress(): void;
  /** A result, for standard output. */
  print(text: string): void;
  /** A piece of a long result, as it is; resolves when the reader can take more, or will never read again. */
  write(text: string): Promise<void>;
  close(): void;
}

export function openSession(
  host: Host,
  operands: readonly string[],
  o: { logLevel: LogLevel; json: boolean; verbose: boolean },
): Session {
  const level = o.verbose ? 'debug' : o.logLevel;
  const line: ProgressLine = o.json
    ? createProgressLine({
        stream: { write: () => true },
        now: host.now,
        plain: (report) => log.info('progress', knownOf(report)),
      })
    : createProgressLine({ stream: host.stderr, now: host.now });
  const log = createLog({ level, json: o.json, destination: o.json ? host.stderr : line });
  const signals = watchSignals({
    source: host.signals,
    exit: host.exit,
    onFirst: (signal) => log.warn(`${signal}: ending in order; a second one ends at once`),
  });
  return {
    host,
    log,
    signals,
    operand: operands[0] ?? '',
    operands,
    moving: !o.json && host.stderr.isTTY === true,
    progress: (report) => {
      // Who wants only warnings wants no progress either.
      if (level === 'info' || level === 'debug') line.update(report);
    },
    endProgress: () => line.finish(),
    print: (text) => {
      line.finish();
      host.stdout.write(`${text}\n`);
    },
    async write(text) {
      line.finish();
      if (host.stdout.write(text) === false) await takesMore(host.stdout);
    },
    close: () => {
      line.finish();
      signals.dispose();
    },
  };
}

/** A pipe holds what its reader has not taken; a reader that has gone (`| head`) takes nothing more, and is not waited for. */
function takesMore(stream: ResultStream): Promise<void> {
  const events = ['drain', 'error', 'close'] as const;
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
  });
}

/** As fields, for machines to read. */
function knownOf(report: ProgressReport): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(report).filter(([, value]) => value !== null && value !== undefined),
  );
}
