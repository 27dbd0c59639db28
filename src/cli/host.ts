import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import type { ProgressStream } from '../metrics/index.js';
import type { SignalSource } from './signals.js';

/** `write` returns false when more is waiting than should; `drain` follows. */
export interface ResultStream extends ProgressStream {
  on(event: 'drain' | 'error' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'error' | 'close', listener: () => void): unknown;
}

/** The process as the commands see it. Only `entry.ts` makes one from the real process. */
export interface Host {
  stdout: ResultStream;
  stderr: ProgressStream;
  /** Opened when it is first asked for. */
  stdin: () => Readable;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Milliseconds, monotonic. */
  now: () => number;
  pid: number;
  nodeVersion: string;
  rssBytes: () => number;
  signals: SignalSource;
  exit: (code: number) => void;
}

const manifest: { version: string } = createRequire(import.meta.url)('../../package.json');

/** Of the package. */
export const version = manifest.version;
