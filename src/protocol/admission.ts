import { ProtocolError } from './errors.js';
import { isTensor } from './fields.js';
import { limits } from './limits.js';
import type { MessageType } from './messages.js';
import { bodyFieldOf, type FieldKind, messageTypes, schema } from './schema.js';
import { fieldNumber, type Outline, outlineOf } from './wire.js';

/** A larger major than ours is refused; a larger minor only adds what we skip. */
export const protocolVersion = { major: 1, minor: 5 } as const;

/** The kinds of message that may arrive at a place, and what to call them. */
export interface Expected<T extends MessageType> {
  what: string;
  types: Readonly<Record<T, true>>;
}

/**
 * The kind of message that these bytes claim to be, if it is wanted here and no part of it is larger than it may be: looked at
 * from outside, before anything of it is unpacked. A list that is unpacked takes many times its bytes. Throws ProtocolError.
 */
export function admit(bytes: Uint8Array, expected: { what: string; types: object } | null): MessageType {
  if (bytes.length > limits.messageBytes) throw tooLarge('message', limits.messageBytes, bytes.length);
  const { major, fields, restBytes } = outlined(bytes);
  if (major > protocolVersion.major) {
    throw new ProtocolError(
      'message',
      'major',
      `the sender speaks protocol ${major}, this Onko speaks ${protocolVersion.major}; update Onko on this machine`,
    );
  }
  if (major < 1) throw new ProtocolError('message', 'major', 'expected a protocol version, got none');
  const known = typesByNumber();
  const bodies = fields.flatMap(({ number }) => known.get(number) ?? []);
  const type = bodies[0];
  if (type === undefined) {
    const version = `${protocolVersion.major}.${protocolVersion.minor}`;
    throw new ProtocolError('message', 'body', `none that this Onko knows (it speaks protocol ${version})`);
  }
  if (bodies.length > 1) throw new ProtocolError('message', 'body', `expected one, got ${bodies.length}`);
  if (expected !== null && !Object.hasOwn(expected.types, type))
    throw new ProtocolError(type, '', `expected ${expected.what} here`);
  checkSize(type, hasTensor(type) ? restBytes : bytes.length);
  return type;
}

/** @param sizeBytes of the message, pad and tensor apart where it has one */
export function checkSize(type: MessageType, sizeBytes: number): void {
  const limit = kindsOf(type).reduce((sum, kind) => sum + mostBytes(kind), limits.restBytes);
  if (sizeBytes > limit) throw tooLarge(type, limit, sizeBytes);
}

export const hasTensor = (type: MessageType): boolean => kindsOf(type).some(isTensor);

const kindsOf = (type: MessageType): FieldKind[] => Object.values(schema[type]);

/** UTF-8 has up to three bytes for a UTF-16 code unit, a varint up to five for a uint32. */
function mostBytes(kind: FieldKind): number {
  switch (kind) {
    case 'text':
      return 3 * limits.textChars;
    case 'json':
      return 3 * limits.jsonChars;
    case 'indices':
      return 5 * limits.samples;
    case 'counts':
      return 5 * limits.confusion;
    case 'nodes':
    case 'steps':
    case 'faults':
      return 5 * limits.nodes;
    // Each with its tag and length.
    case 'marks':
      return 18 * limits.nodes;
    case 'names':
      return (limits.identifierChars + 2) * limits.nodes;
    // Names, numbers: the rest has room for them. The tensor has a limit of its own.
    case 'identifier':
    case 'hash':
    case 'uint32':
    case 'node':
    case 'microshards':
    case 'microshardSamples':
    case 'double':
    case 'measure':
    case 'flag':
    case 'mode':
    case 'outcome':
    case 'encoding':
    case 'gradientEncoding':
    case 'floats':
    case 'block':
      return 0;
    default:
      throw new TypeError(`Not a kind of field: ${String(kind satisfies never)}`);
  }
}

let byNumber: ReadonlyMap<number, MessageType> | undefined;

/** Once: the schema is read when the first message comes. */
function typesByNumber(): ReadonlyMap<number, MessageType> {
  byNumber ??= new Map(messageTypes.map((type) => [fieldNumber(bodyFieldOf[type]), type]));
  return byNumber;
}

function outlined(bytes: Uint8Array): Outline {
  try {
    return outlineOf(bytes);
  } catch (error) {
    throw unreadable(error);
  }
}

/** protobufjs throws several classes for the many ways to be malformed; none of them is more than that. */
export function unreadable(error: unknown): ProtocolError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ProtocolError('message', '', `cannot be read: ${reason}`);
}

function tooLarge(type: string, limit: number, sizeBytes: number): ProtocolError {
  return new ProtocolError(type, '', `expected at most ${limit} bytes, got ${sizeBytes}`);
}
