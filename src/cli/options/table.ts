import type { OptionKind } from './kinds.js';

/** One option: the only place where its name, meaning, unit and default are written. Help, environment and config file follow. */
export interface OptionRow<T> {
  kind: OptionKind<T>;
  /** What it does, with its unit. */
  describe: string;
  /** `none`: null when not given. `required`: the command cannot go without. */
  fallback:
    | { type: 'value'; value: T }
    | { type: 'none'; note: string | null }
    | { type: 'required'; why: string };
  /** Name in environment and config file where it differs from the flag's, because another command's flag means something else. */
  as: string | null;
  /** A letter or figure for the flag, too: `-0`. */
  short: string | null;
  /** Heading in the help. */
  group: string;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a table holds rows of every type; `Values` gives each its own back
export type OptionTable = Readonly<Record<string, OptionRow<any>>>;

export type Values<T extends OptionTable> = {
  [K in keyof T]: T[K] extends OptionRow<infer V> ? V : never;
};

interface Extras {
  as?: string;
  short?: string;
}

/** Rows of one heading. */
export function grouped(group: string) {
  return {
    /** An option with a default. */
    value: <T>(kind: OptionKind<T>, fallback: T, describe: string, extras: Extras = {}): OptionRow<T> => ({
      kind,
      describe,
      fallback: { type: 'value', value: fallback },
      as: extras.as ?? null,
      short: extras.short ?? null,
      group,
    }),
    /** An option that may be left out: null then. `note` says what happens instead. */
    optional: <T>(
      kind: OptionKind<T>,
      note: string | null,
      describe: string,
      extras: Extras = {},
    ): OptionRow<T | null> => ({
      kind: { ...kind, show: (value) => (value === null ? 'none' : kind.show(value)) },
      describe,
      fallback: { type: 'none', note },
      as: extras.as ?? null,
      short: extras.short ?? null,
      group,
    }),
    /** An option without which the command cannot run; `why` ends the message. */
    required: <T>(kind: OptionKind<T>, why: string, describe: string, extras: Extras = {}): OptionRow<T> => ({
      kind,
      describe,
      fallback: { type: 'required', why },
      as: extras.as ?? null,
      short: extras.short ?? null,
      group,
    }),
  };
}

/** `minWorkers` → `--min-workers` */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** The name in the config file: `minWorkers`. */
export function configKeyOf(key: string, row: { as: string | null }): string {
  return row.as ?? key;
}

/** `minWorkers` → `ONKO_MIN_WORKERS` */
export function envOf(key: string, row: { as: string | null }): string {
  return `ONKO_${words(configKeyOf(key, row)).join('_').toUpperCase()}`;
}

function words(key: string): string[] {
  return key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
