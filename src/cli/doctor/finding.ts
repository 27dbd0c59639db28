import { type ExitCode, explainError } from '../exit-codes.js';

/** One thing that was looked at. */
export interface Finding {
  what: string;
  /** `note`: it works, but not as well as it could. */
  level: 'ok' | 'note' | 'bad';
  /** What a command would end with because of it; 0 unless it is bad. */
  code: ExitCode;
  says: string;
  /** What to do; null if there is nothing to do, or `says` ends with it. */
  remedy: string | null;
}

export function ok(what: string, says: string): Finding {
  return { what, level: 'ok', code: 0, says, remedy: null };
}

export function note(what: string, says: string, remedy: string): Finding {
  return { what, level: 'note', code: 0, says, remedy };
}

export function bad(what: string, code: ExitCode, says: string, remedy: string | null): Finding {
  return { what, level: 'bad', code, says, remedy };
}

/** An error whose message says what to do, as all of Onko's do. */
export function failed(what: string, error: unknown): Finding {
  const { code, message } = explainError(error);
  return bad(what, code, message, null);
}

const marks = { ok: 'ok  ', note: 'note', bad: 'BAD ' };

/** A line for each, and one more for a remedy. */
export function shown(findings: readonly Finding[]): string {
  return findings
    .flatMap(({ what, level, says, remedy }) => [
      `${marks[level]}  ${what.padEnd(12)} ${says}`,
      ...(remedy === null ? [] : [`${' '.repeat(19)}→ ${remedy}`]),
    ])
    .join('\n');
}
