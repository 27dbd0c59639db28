import { isAbsolute, join } from 'node:path';
import { redactText } from '../../metrics/index.js';
import { didYouMean } from './nearest.js';

/** What was expected of a value, as the end of a sentence; `resolve.ts` puts the option's name and source before it. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

/** How one sort of value is written and read. `raw` is text from a flag or the environment, or a value of the config file. */
export interface OptionKind<T> {
  /** For the help: `<N>`; null for a switch, which takes no value. */
  readonly placeholder: string | null;
  /** `folder` is where relative paths of the config file start; null for flags and environment. Throws ValueError. */
  parse(raw: unknown, folder: string | null): T;
  show(value: T): string;
}

const shown = (raw: unknown): string => {
  const safe = redactText(typeof raw === 'string' ? raw : (JSON.stringify(raw) ?? 'nothing'));
  return `"${safe.length > 60 ? `${safe.slice(0, 60)}…` : safe}"`;
};
const refuse = (expected: string, raw: unknown): never => {
  throw new ValueError(`expected ${expected}, got ${shown(raw)}`);
};

interface Range {
  min?: number;
  max?: number;
  /** The value must be larger than this. */
  above?: number;
}

function describeRange(noun: string, { min, max, above }: Range): string {
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`;
  if (min !== undefined) return `${noun} of at least ${min}`;
  if (above !== undefined) return `${noun} above ${above}`;
  return noun;
}

function toNumber(raw: unknown): number {
  if (typeof raw === 'number') return raw;
  return typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
}

const within = (value: number, { min, max, above }: Range): boolean =>
  Number.isFinite(value) &&
  value >= (min ?? Number.NEGATIVE_INFINITY) &&
  value <= (max ?? Number.POSITIVE_INFINITY) &&
  value > (above ?? Number.NEGATIVE_INFINITY);

export function integer(range: Range, placeholder = 'N'): OptionKind<number> {
  return {
    placeholder,
    parse(raw) {
      const value = toNumber(raw);
      return Number.isInteger(value) && within(value, range)
        ? value
        : refuse(describeRange('a whole number', range), raw);
    },
    show: String,
  };
}

export function decimal(range: Range, placeholder = 'X'): OptionKind<number> {
  return {
    placeholder,
    parse(raw) {
      const value = toNumber(raw);
      return within(value, range) ? value : refuse(describeRange('a number', range), raw);
    },
    show: String,
  };
}

export function text(placeholder: string): OptionKind<string> {
  return {
    placeholder,
    parse: (raw) => (typeof raw === 'string' && raw.trim() !== '' ? raw.trim() : refuse('some text', raw)),
    show: (value) => value,
  };
}

/** A value that has a default and can still be taken away: by `none`, or null in the config file. */
export function orNone<T>(inner: OptionKind<T>): OptionKind<T | null> {
  return {
    placeholder: inner.placeholder,
    parse: (raw, folder) => (raw === null || raw === 'none' ? null : inner.parse(raw, folder)),
    show: (value) => (value === null ? 'none' : inner.show(value)),
  };
}

/** A value that Onko can choose itself: `auto`. */
export function orAuto<T>(inner: OptionKind<T>): OptionKind<T | 'auto'> {
  return {
    placeholder: `${inner.placeholder}|auto`,
    parse(raw, folder) {
      if (raw === 'auto') return raw;
      try {
        return inner.parse(raw, folder);
      } catch (error) {
        throw error instanceof ValueError ? new ValueError(`${error.message}, or \`auto\``) : error;
      }
    },
    show: (value) => (value === 'auto' ? 'auto' : inner.show(value)),
  };
}

/** A file or folder. In a config file, relative paths start at the folder of that file. */
export function path(placeholder: string): OptionKind<string> {
  return {
    placeholder,
    parse(raw, folder) {
      if (typeof raw !== 'string' || raw === '') return refuse('a path', raw);
      return folder === null || isAbsolute(raw) ? raw : join(folder, raw);
    },
    show: (value) => value,
  };
}

export function choice<const T extends string>(values: readonly T[], placeholder: string): OptionKind<T> {
  return {
    placeholder,
    parse(raw) {
      const found = values.find((value) => value === raw);
      if (found !== undefined) return found;
      const hint = typeof raw === 'string' ? didYouMean(raw, values) : '';
      throw new ValueError(`expected one of ${values.join(', ')}, got ${shown(raw)}${hint && `.${hint}`}`);
    },
    show: (value) => value,
  };
}

/** `a,b,c`, or an array in the config file. Empty parts are refused, repeats too. */
export function list(placeholder: string): OptionKind<string[]> {
  return {
    placeholder,
    parse(raw) {
      const parts: unknown[] =
        typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : [raw].flat();
      const names = parts.filter((part): part is string => typeof part === 'string' && part !== '');
      if (names.length !== parts.length || names.length === 0)
        return refuse('names with commas between', raw);
      if (new Set(names).size !== names.length) return refuse('every name once', raw);
      return names;
    },
    show: (value) => value.join(','),
  };
}

export const toggle: OptionKind<boolean> = {
  placeholder: null,
  parse(raw) {
    if (typeof raw === 'boolean') return raw;
    const word = typeof raw === 'string' ? raw.toLowerCase() : '';
    if (['1', 'true', 'yes', 'on'].includes(word)) return true;
    if (['0', 'false', 'no', 'off'].includes(word)) return false;
    return refuse('true or false', raw);
  },
  show: (value) => (value ? 'on' : 'off'),
};

/** The broker's address. The value is never repeated in a message: it may hold a password. */
export const brokerUrl: OptionKind<string> = {
  placeholder: 'URL',
  parse(raw) {
    const form =
      'expected an address like amqp://HOST:5672/VHOST or amqps://…, with USER:PASSWORD@ before the host where they are needed';
    if (typeof raw !== 'string' || !URL.canParse(raw)) {
      throw new ValueError(`${form}; special characters in user and password have to be percent-encoded`);
    }
    const { protocol, hostname } = new URL(raw);
    if (protocol !== 'amqp:' && protocol !== 'amqps:')
      throw new ValueError(`${form}, not one with ${protocol}//`);
    if (hostname === '') throw new ValueError(`${form}; the host is missing`);
    return raw;
  },
  show: redactText,
};

/** A name, a JSON object as text, or an object of the config file; what it means is checked by whom it is for. */
export function nameOrJson(placeholder: string): OptionKind<unknown> {
  return {
    placeholder,
    parse(raw) {
      if (typeof raw === 'object' && raw !== null) return raw;
      if (typeof raw !== 'string' || raw.trim() === '') return refuse('a name or a JSON object', raw);
      if (!raw.trim().startsWith('{')) return raw.trim();
      try {
        const parsed: unknown = JSON.parse(raw);
        return parsed;
      } catch {
        return refuse('a name or valid JSON', raw);
      }
    },
    show: (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
  };
}

export type ValidateChoice = { fraction: number } | { folder: string } | null;

/** A share of the training samples, the name of a folder, or `none`. */
export const validation: OptionKind<ValidateChoice> = {
  placeholder: 'SHARE|FOLDER',
  parse(raw) {
    if (raw === null || raw === 'none') return null;
    if (typeof raw === 'object' && 'fraction' in raw && typeof raw.fraction === 'number') {
      return { fraction: raw.fraction };
    }
    if (typeof raw === 'object' && 'folder' in raw && typeof raw.folder === 'string') {
      return { folder: raw.folder };
    }
    const value = toNumber(raw);
    if (value === 0) return null;
    if (!Number.isNaN(value)) {
      return value > 0 && value < 1
        ? { fraction: value }
        : refuse('a share between 0 and 1, a folder, or none', raw);
    }
    return typeof raw === 'string' && raw.trim() !== ''
      ? { folder: raw.trim() }
      : refuse('a share between 0 and 1, a folder, or none', raw);
  },
  show(value) {
    if (value === null) return 'none';
    return 'fraction' in value ? String(value.fraction) : value.folder;
  },
};

/** `balanced`, or a number for each class: `1,1,2`, or an array in the config file. */
export const classWeights: OptionKind<'balanced' | number[]> = {
  placeholder: 'balanced|N,N,…',
  parse(raw) {
    if (raw === 'balanced') return raw;
    const parts: unknown[] = typeof raw === 'string' ? raw.split(',') : Array.isArray(raw) ? raw : [];
    const weights = parts.map(toNumber);
    return weights.length > 0 && weights.every((weight) => weight > 0 && Number.isFinite(weight))
      ? weights
      : refuse('`balanced`, or numbers above 0 with commas between', raw);
  },
  show: (value) => (typeof value === 'string' ? value : value.join(',')),
};

/** `training-a=600,training-b=300`, or an object of the config file. */
export const counts: OptionKind<Record<string, number>> = {
  placeholder: 'FOLDER=N,…',
  parse(raw) {
    const pairs: [string, unknown][] =
      typeof raw === 'object' && raw !== null && !Array.isArray(raw)
        ? Object.entries(raw)
        : String(raw)
            .split(',')
            .map((part) => [part.split('=')[0]?.trim() ?? '', part.split('=')[1]]);
    return Object.fromEntries(
      pairs.map(([name, count]) => {
        const value = toNumber(count);
        if (name === '' || !Number.isInteger(value) || value < 1) return refuse('FOLDER=N,FOLDER=N', raw);
        return [name, value];
      }),
    );
  },
  show: (value) =>
    Object.entries(value)
      .map(([name, count]) => `${name}=${count}`)
      .join(','),
};
