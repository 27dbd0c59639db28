import { assertNever, ProtocolError } from './errors.js';
import { limits } from './limits.js';
import type { Encoding, GradientEncoding, Mode, Outcome } from './messages.js';
import type { SegmentFault } from './reduce-messages.js';
import type { FieldKind } from './schema.js';
import { isIdentifier } from './topology.js';
import { isPowerOfTwo, maxMicroshards } from './tree.js';

/** Numbers of the enums in proto/onko/v1; 0 is never sent. */
const modes: readonly (Mode | undefined)[] = [undefined, 'train', 'evaluate'];
const outcomes: readonly (Outcome | undefined)[] = [undefined, 'finished', 'stopped', 'failed'];
/** 0, which is what an older sender leaves out, is f32. */
const encodings: readonly Encoding[] = ['f32', 'bf16', 'fp16', 'int8'];
const gradientEncodings: readonly GradientEncoding[] = [...encodings, 'topk'];
/** 0 is never sent. */
const faults: readonly (SegmentFault | undefined)[] = [
  undefined,
  'lost',
  'not_finite',
  'wrong_length',
  'differs',
];
const hash = /^[0-9a-f]{64}$/;
const mark = /^[0-9a-f]{16}$/;

/** Kinds that travel in the envelope's tensor instead of the body. */
export function isTensor(kind: FieldKind): boolean {
  return kind === 'floats' || kind === 'block';
}

/** One field on its way out: object value → what protobufjs encodes. Throws ProtocolError. */
export function toWire(kind: FieldKind, value: unknown, type: string, field: string): unknown {
  if (kind === 'mode') return enumNumber(modes, value, type, field);
  if (kind === 'outcome') return enumNumber(outcomes, value, type, field);
  if (kind === 'encoding') return enumNumber(encodings, value, type, field, 0);
  if (kind === 'gradientEncoding') return enumNumber(gradientEncodings, value, type, field, 0);
  if (kind === 'faults' && Array.isArray(value)) {
    const numbers = value.map((one: unknown) => enumNumber(faults, one, type, field));
    return check(kind, numbers, type, field);
  }
  const tooLong = kind === 'text' && typeof value === 'string' && value.length > limits.textChars;
  return check(kind, tooLong ? `${value.slice(0, limits.textChars - 1)}…` : value, type, field);
}

/** One field on its way in: what protobufjs decoded → object value. Throws ProtocolError. */
export function fromWire(kind: FieldKind, value: unknown, type: string, field: string): unknown {
  if (kind === 'mode') return enumName(modes, value, type, field);
  if (kind === 'outcome') return enumName(outcomes, value, type, field);
  if (kind === 'encoding') return enumName(encodings, value, type, field);
  if (kind === 'gradientEncoding') return enumName(gradientEncodings, value, type, field);
  if (kind === 'faults' && Array.isArray(value)) {
    check(kind, value, type, field);
    return value.map((one: unknown) => enumName(faults, one, type, field));
  }
  const list = (kind === 'indices' || kind === 'counts') && Array.isArray(value);
  return check(kind, list ? Uint32Array.from(value, Number) : value, type, field);
}

function check(kind: FieldKind, value: unknown, type: string, field: string): unknown {
  const problem = problemWith(kind, value);
  if (problem !== null) throw new ProtocolError(type, field, problem);
  return value;
}

/** null if `value` is what the kind asks for, else what was expected and what came. */
function problemWith(kind: FieldKind, value: unknown): string | null {
  switch (kind) {
    case 'identifier':
      return typeof value === 'string' && isIdentifier(value)
        ? null
        : `expected a name of 1 to ${limits.identifierChars} letters, digits, dots, dashes or underscores, got ${shown(value)}`;
    case 'text':
      return shorterThan(value, limits.textChars);
    case 'json':
      return shorterThan(value, limits.jsonChars);
    case 'hash':
      return typeof value === 'string' && hash.test(value)
        ? null
        : `expected a SHA-256 of 64 lower-case hex digits, got ${shown(value)}`;
    case 'uint32':
      return isUint32(value) ? null : `expected a whole number from 0 to 4294967295, got ${shown(value)}`;
    case 'node':
      return isUint32(value) && value >= 1 && value < 2 * maxMicroshards
        ? null
        : `expected a tree node from 1 to ${2 * maxMicroshards - 1}, got ${shown(value)}`;
    case 'microshards':
      return isUint32(value) && isPowerOfTwo(value) && value <= maxMicroshards
        ? null
        : `expected a power of two up to ${maxMicroshards}, got ${shown(value)}`;
    case 'microshardSamples':
      return isUint32(value) && value > 0 && value % 16 === 0
        ? null
        : `expected a multiple of 16, got ${shown(value)}`;
    case 'double':
      return typeof value === 'number' ? null : `expected a number, got ${shown(value)}`;
    case 'measure':
      return typeof value === 'number' && Number.isFinite(value) && value >= 0
        ? null
        : `expected a finite number from 0 on, got ${shown(value)}`;
    case 'flag':
      return typeof value === 'boolean' ? null : `expected true or false, got ${shown(value)}`;
    case 'indices':
      return listProblem(value instanceof Uint32Array ? value.length : null, limits.samples, value);
    case 'counts':
      return listProblem(value instanceof Uint32Array ? value.length : null, limits.confusion, value);
    case 'nodes':
    case 'steps':
      if (!Array.isArray(value) || !value.every(isUint32))
        return `expected a list of ${kind === 'nodes' ? 'tree nodes' : 'steps'}, got ${shown(value)}`;
      return listProblem(value.length, limits.nodes, value);
    case 'marks':
      if (!Array.isArray(value) || !value.every((one) => typeof one === 'string' && mark.test(one)))
        return `expected a list of marks of 16 lower-case hex digits, got ${shown(value)}`;
      return listProblem(value.length, limits.nodes, value);
    case 'names':
      if (!Array.isArray(value) || !value.every((one) => one === '' || isName(one)))
        return `expected a list of names, got ${shown(value)}`;
      return listProblem(value.length, limits.nodes, value);
    case 'faults':
      if (!Array.isArray(value)) return `expected a list of faults, got ${shown(value)}`;
      return listProblem(value.length, limits.nodes, value);
    case 'floats':
      return tensorProblem(value, 4);
    case 'block':
      return tensorProblem(value, 1);
    case 'mode':
    case 'outcome':
    case 'encoding':
    case 'gradientEncoding':
      throw new TypeError(`${kind} is checked where it is translated`);
    default:
      return assertNever(kind);
  }
}

const isName = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value);

function shorterThan(value: unknown, limit: number): string | null {
  if (typeof value !== 'string') return `expected text, got ${shown(value)}`;
  return value.length <= limit ? null : `expected at most ${limit} characters, got ${value.length}`;
}

function listProblem(length: number | null, limit: number, value: unknown): string | null {
  if (length === null) return `expected a list of whole numbers, got ${shown(value)}`;
  return length <= limit ? null : `expected at most ${limit} numbers, got ${length}`;
}

function tensorProblem(value: unknown, bytesPerValue: number): string | null {
  if (!(value instanceof Uint8Array)) return `expected bytes, got ${shown(value)}`;
  if (value.length > limits.tensorBytes)
    return `expected at most ${limits.tensorBytes} bytes, got ${value.length}`;
  return value.length % bytesPerValue === 0
    ? null
    : `expected a multiple of ${bytesPerValue} bytes, got ${value.length}`;
}

function enumNumber(
  names: readonly (string | undefined)[],
  value: unknown,
  type: string,
  field: string,
  least = 1,
): number {
  const number = typeof value === 'string' ? names.indexOf(value) : -1;
  if (number < least) throw new ProtocolError(type, field, `expected ${listed(names)}, got ${shown(value)}`);
  return number;
}

function enumName(
  names: readonly (string | undefined)[],
  value: unknown,
  type: string,
  field: string,
): string {
  const name = typeof value === 'number' ? names[value] : undefined;
  if (name === undefined)
    throw new ProtocolError(type, field, `expected ${listed(names)}, got ${shown(value)}`);
  return name;
}

function listed(names: readonly (string | undefined)[]): string {
  return names.filter((name) => name !== undefined).join(' or ');
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xff_ff_ff_ff;
}

/** A value in an error message: short, on one line. */
function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null) {
    return String(value);
  }
  if (typeof value !== 'string') return Array.isArray(value) ? 'another list' : `another ${typeof value}`;
  return value === '' ? 'nothing' : JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
