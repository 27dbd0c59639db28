import { pino } from 'pino';
import { redactText, redactValue } from './redact.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A log that adds these fields to every line of its own. */
  child(fields: Record<string, unknown>): Log;
}

/** Anything that takes whole lines: a stream, or a test's array. */
export interface LineWriter {
  write(line: string): unknown;
}

const quiet = (): void => {};
export const silentLog: Log = {
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
  child: () => silentLog,
};

/**
 * A log that writes one line per message, by default to standard error.
 *
 * Plain: `2026-01-31T17:04:12Z info  message key=value`. With `json`: pino's JSON lines. URLs in messages and fields lose their
 * credentials before anything is formatted, so no destination can see them.
 */
export function createLog(o: { level: LogLevel; json: boolean; destination?: LineWriter }): Log {
  const target = o.destination ?? pino.destination({ dest: 2, sync: true });
  const lines: LineWriter = o.json ? target : { write: (line) => target.write(plainLine(line)) };
  const root = pino(
    {
      level: o.level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    lines,
  );
  return wrap(root);
}

function wrap(logger: pino.Logger): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: Record<string, unknown>): void => {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](safeFields(fields ?? {}), redactText(message));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(safeFields(fields))),
  };
}

/** Fields may not take the place of the line's own three. */
function safeFields(fields: Record<string, unknown>): Record<string, unknown> {
  const own = new Set(['time', 'level', 'message']);
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [own.has(key) ? `${key}_` : key, redactValue(value)]),
  );
}

function plainLine(json: string): string {
  const parsed: Record<string, unknown> = JSON.parse(json);
  const { time, level, message, ...fields } = parsed;
  const words = [String(time).replace(/\.\d+Z$/, 'Z'), String(level).padEnd(5), oneLine(String(message))];
  for (const [key, value] of Object.entries(fields)) words.push(`${key}=${plainValue(value)}`);
  return `${words.join(' ')}\n`;
}

function plainValue(value: unknown): string {
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? oneLine(text) : JSON.stringify(text);
}

/** A file name with a line break or an escape sequence in it must not forge a second line or move the cursor. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
