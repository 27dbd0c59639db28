import { assertNever, ProtocolError } from './errors.js';
import { fromWire, isTensor, toWire } from './fields.js';
import { limits } from './limits.js';
import type {
  Message,
  MessageType,
  StatusReport,
  Task,
  ToCoordinator,
  ToWorker,
  Weights,
} from './messages.js';
import { bodyFieldOf, type FieldKind, messageTypes, schema } from './schema.js';
import { decodeEnvelope, encodeEnvelope, type WireEnvelope } from './wire.js';

/** A larger major than ours is refused; a larger minor only adds what we skip. */
export const protocolVersion = { major: 1, minor: 2 } as const;

const typeOfBody = new Map<string, MessageType>(messageTypes.map((type) => [bodyFieldOf[type], type]));

/** Message → bytes. Throws ProtocolError if a field is not what the protocol says: a mistake of the sender. */
export function encode(message: Message): Uint8Array {
  const { type } = message;
  const fields: Record<string, unknown> = {};
  let tensor: Uint8Array | null = null;
  for (const [field, kind] of fieldsOf(type)) {
    const value = toWire(kind, Reflect.get(message, field), type, field);
    if (isTensor(kind)) tensor = value instanceof Uint8Array ? value : null;
    else fields[field] = value;
  }
  const bytes = encodeEnvelope(protocolVersion, bodyFieldOf[type], fields, tensor);
  checkSize(type, bytes.length);
  return bytes;
}

/**
 * Bytes → message; tensors are views of `bytes`. Throws ProtocolError, and nothing else, for whatever does not
 * follow the protocol: too large, cut off, not protobuf, of a newer version, of an unknown kind, with wrong fields.
 */
export function decode(bytes: Uint8Array): Message {
  if (bytes.length > limits.messageBytes) {
    throw new ProtocolError(
      'message',
      '',
      `expected at most ${limits.messageBytes} bytes, got ${bytes.length}`,
    );
  }
  const envelope = opened(bytes);
  if (envelope.major > protocolVersion.major) {
    throw new ProtocolError(
      'message',
      'major',
      `the sender speaks protocol ${envelope.major}, this Onko speaks ${protocolVersion.major}; update Onko on this machine`,
    );
  }
  if (envelope.major < 1)
    throw new ProtocolError('message', 'major', 'expected a protocol version, got none');
  const type = envelope.body === undefined ? undefined : typeOfBody.get(envelope.body);
  if (type === undefined) {
    const version = `${envelope.major}.${envelope.minor}`;
    throw new ProtocolError(
      'message',
      'body',
      `none that this Onko knows (the sender speaks protocol ${version})`,
    );
  }
  checkSize(type, bytes.length);
  const message: Record<string, unknown> = { type };
  for (const [field, kind] of fieldsOf(type)) {
    const value = isTensor(kind) ? envelope.tensor : envelope.field(field);
    message[field] = fromWire(kind, value, type, field);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the schema was checked above
  return message as unknown as Message;
}

export function decodeTask(bytes: Uint8Array): Task {
  const message = decode(bytes);
  if (message.type !== 'task') throw unexpected('a task', message.type);
  return message;
}

export function decodeWeights(bytes: Uint8Array): Weights {
  const message = decode(bytes);
  if (message.type !== 'weights') throw unexpected('weights', message.type);
  return message;
}

export function decodeToCoordinator(bytes: Uint8Array): ToCoordinator {
  const message = decode(bytes);
  switch (message.type) {
    case 'hello':
    case 'ready':
    case 'heartbeat':
    case 'task_failed':
    case 'goodbye':
    case 'block_request':
    case 'result':
    case 'status_request':
      return message;
    case 'offer':
    case 'announce':
    case 'refuse':
    case 'block_response':
    case 'drain':
    case 'drain_request':
    case 'status_report':
    case 'end_of_run':
    case 'task':
    case 'weights':
      throw unexpected('a message for a coordinator', message.type);
    default:
      return assertNever(message);
  }
}

/** What a worker's inbox holds: a task that is meant for it alone, too. */
export function decodeToWorker(bytes: Uint8Array): ToWorker | Weights | Task {
  const message = decode(bytes);
  switch (message.type) {
    case 'offer':
    case 'announce':
    case 'refuse':
    case 'block_response':
    case 'drain':
    case 'drain_request':
    case 'end_of_run':
    case 'weights':
    case 'task':
      return message;
    case 'hello':
    case 'ready':
    case 'heartbeat':
    case 'task_failed':
    case 'goodbye':
    case 'block_request':
    case 'result':
    case 'status_request':
    case 'status_report':
      throw unexpected('a message for a worker', message.type);
    default:
      return assertNever(message);
  }
}

export function decodeStatusReport(bytes: Uint8Array): StatusReport {
  const message = decode(bytes);
  if (message.type !== 'status_report') throw unexpected('a status report', message.type);
  return message;
}

function opened(bytes: Uint8Array): WireEnvelope {
  try {
    return decodeEnvelope(bytes);
  } catch (error) {
    // protobufjs throws several classes for the many ways to be malformed; none of them is more than that.
    throw new ProtocolError(
      'message',
      '',
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Messages without tensor, JSON or list are small; a large one is a mistake or an attack. */
function checkSize(type: MessageType, sizeBytes: number): void {
  const kinds: FieldKind[] = Object.values(schema[type]);
  const large = kinds.some(
    (kind) => isTensor(kind) || kind === 'json' || kind === 'indices' || kind === 'nodes',
  );
  const limit = large ? limits.messageBytes : limits.smallMessageBytes;
  if (sizeBytes > limit)
    throw new ProtocolError(type, '', `expected at most ${limit} bytes, got ${sizeBytes}`);
}

function fieldsOf(type: MessageType): [string, FieldKind][] {
  return Object.entries(schema[type]);
}

function unexpected(expected: string, type: string): ProtocolError {
  return new ProtocolError(type, '', `expected ${expected} here`);
}
