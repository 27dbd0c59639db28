import { admit, checkSize, type Expected, hasTensor, protocolVersion, unreadable } from './admission.js';
import { fromWire, isTensor, toWire } from './fields.js';
import type {
  Message,
  MessageType,
  StatusReport,
  Task,
  ToCoordinator,
  ToReducer,
  ToWorker,
  Weights,
} from './messages.js';
import { bodyFieldOf, type FieldKind, schema } from './schema.js';
import { decodeEnvelope, encodeEnvelope, type WireEnvelope } from './wire.js';

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
  checkSize(type, bytes.length - (hasTensor(type) ? (tensor?.length ?? 0) : 0));
  return bytes;
}

/**
 * Bytes → message; tensors are views of `bytes`. Throws ProtocolError, and nothing else, for whatever does not
 * follow the protocol: too large, cut off, not protobuf, of a newer version, of an unknown kind, with wrong fields.
 */
export function decode(bytes: Uint8Array): Message {
  return decodeAs<MessageType>(bytes, null);
}

export const decodeTask = (bytes: Uint8Array): Task => decodeAs(bytes, expectedTask);
export const decodeWeights = (bytes: Uint8Array): Weights => decodeAs(bytes, expectedWeights);
export const decodeStatusReport = (bytes: Uint8Array): StatusReport => decodeAs(bytes, expectedReport);
export const decodeToCoordinator = (bytes: Uint8Array): ToCoordinator => decodeAs(bytes, forCoordinator);
/** What a worker's inbox holds: a task that is meant for it alone, too. */
export const decodeToWorker = (bytes: Uint8Array): ToWorker | Weights | Task => decodeAs(bytes, forWorker);

/** What a reducer's queue holds. */
export const decodeToReducer = (bytes: Uint8Array): ToReducer => decodeAs(bytes, forReducer);

const expectedTask: Expected<'task'> = { what: 'a task', types: { task: true } };
const expectedWeights: Expected<'weights'> = { what: 'weights', types: { weights: true } };
const expectedReport: Expected<'status_report'> = { what: 'a status report', types: { status_report: true } };

const forCoordinator: Expected<ToCoordinator['type']> = {
  what: 'a message for a coordinator',
  types: {
    hello: true,
    ready: true,
    heartbeat: true,
    task_failed: true,
    goodbye: true,
    block_request: true,
    result: true,
    status_request: true,
    reducer_hello: true,
    range_held: true,
    range_sum: true,
    range_released: true,
  },
};

const forReducer: Expected<ToReducer['type']> = {
  what: 'a message for a reducer',
  types: {
    range_offer: true,
    fold_range: true,
    announce: true,
    refuse: true,
    end_of_run: true,
    segment: true,
  },
};

const forWorker: Expected<(ToWorker | Weights | Task)['type']> = {
  what: 'a message for a worker',
  types: {
    offer: true,
    announce: true,
    refuse: true,
    block_response: true,
    drain: true,
    drain_request: true,
    end_of_run: true,
    weights: true,
    task: true,
  },
};

function decodeAs<T extends MessageType>(
  bytes: Uint8Array,
  expected: Expected<T> | null,
): Extract<Message, { type: T }> {
  const type = admit(bytes, expected);
  const envelope = opened(bytes);
  const message: Record<string, unknown> = { type };
  for (const [field, kind] of fieldsOf(type)) {
    const value = isTensor(kind) ? envelope.tensor : envelope.field(field);
    message[field] = fromWire(kind, value, type, field);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the schema was checked above
  return message as unknown as Extract<Message, { type: T }>;
}

function opened(bytes: Uint8Array): WireEnvelope {
  try {
    return decodeEnvelope(bytes);
  } catch (error) {
    throw unreadable(error);
  }
}

const fieldLists = new Map<MessageType, [string, FieldKind][]>();

function fieldsOf(type: MessageType): [string, FieldKind][] {
  const known = fieldLists.get(type);
  if (known !== undefined) return known;
  const fields = Object.entries(schema[type]);
  fieldLists.set(type, fields);
  return fields;
}
