import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

/** proto/ of the package, seen from dist/protocol. */
const protoFolder = new URL('../../proto/', import.meta.url);

/** Reads the schema once; ten milliseconds. */
function loadEnvelope(): protobuf.Type {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => fileURLToPath(new URL(target, protoFolder));
  root.loadSync('onko/v1/envelope.proto');
  root.resolveAll();
  return root.lookupType('onko.v1.Envelope');
}

let envelope: protobuf.Type | undefined;

function envelopeType(): protobuf.Type {
  envelope ??= loadEnvelope();
  return envelope;
}

/** Numbers and wire type (2: length-delimited) of the envelope's last two fields, as single tag bytes. */
const padTag = (14 << 3) | 2;
const tensorTag = (15 << 3) | 2;
const tensorAlignment = 16;
const majorNumber = 1;

/** What an envelope holds, seen from outside: nothing of it is allocated. */
export interface Outline {
  major: number;
  /** Number and length of each field that is neither pad nor tensor and has a length of its own. */
  fields: { number: number; sizeBytes: number }[];
  /** Everything but pad and tensor. */
  restBytes: number;
}

/** More of them than any message has. */
const mostFields = 64;

/**
 * Walks over the top level, in place. Throws plain errors on malformed input, and at more fields than any message has.
 */
export function outlineOf(bytes: Uint8Array): Outline {
  const reader = protobuf.Reader.create(asBuffer(bytes));
  const outline: Outline = { major: 0, fields: [], restBytes: bytes.length };
  for (let count = 0; reader.pos < reader.len; count++) {
    if (count >= mostFields) throw new RangeError(`more than ${mostFields} fields`);
    const tag = reader.uint32();
    const [number, wireType] = [tag >>> 3, tag & 7];
    if (wireType !== 2) {
      if (number === majorNumber && wireType === 0) outline.major = reader.uint32();
      else reader.skipType(wireType);
      continue;
    }
    const sizeBytes = reader.uint32();
    reader.skip(sizeBytes);
    if (number === tensorTag >> 3 || number === padTag >> 3) outline.restBytes -= sizeBytes;
    else outline.fields.push({ number, sizeBytes });
  }
  return outline;
}

/** Number of a field of the envelope by its JavaScript name. */
export function fieldNumber(name: string): number {
  const field = envelopeType().fields[name];
  if (field === undefined) throw new TypeError(`The envelope has no field ${name}.`);
  return field.id;
}

/** An envelope, decoded but not checked. */
export interface WireEnvelope {
  major: number;
  minor: number;
  /** Which field of the oneof is set; undefined if this reader knows none of them. */
  body: string | undefined;
  /** A field of the body by its JavaScript name. */
  field: (name: string) => unknown;
  /** A view; of no length if there is none. */
  tensor: Uint8Array;
}

/**
 * Body and tensor → bytes. The tensor is appended by hand: it is copied once, and pad bytes put its first value at
 * a multiple of 16, so that the receiver can view it in place.
 */
export function encodeEnvelope(
  version: { major: number; minor: number },
  body: string,
  fields: Record<string, unknown>,
  tensor: Uint8Array | null,
): Uint8Array {
  const head = envelopeType()
    .encode({ ...version, [body]: fields })
    .finish();
  if (tensor === null || tensor.length === 0) return head;
  const lengthBytes = varint(tensor.length);
  const before = head.length + 2 + 1 + lengthBytes.length;
  const pad = (tensorAlignment - (before % tensorAlignment)) % tensorAlignment;
  const bytes = Buffer.allocUnsafe(before + pad + tensor.length);
  bytes.set(head, 0);
  let at = head.length;
  bytes[at++] = padTag;
  bytes[at++] = pad;
  bytes.fill(0, at, at + pad);
  at += pad;
  bytes[at++] = tensorTag;
  bytes.set(lengthBytes, at);
  at += lengthBytes.length;
  bytes.set(tensor, at);
  return bytes;
}

/** Bytes → envelope; `tensor` is a view of `bytes`. Throws plain errors of protobufjs on malformed input. */
export function decodeEnvelope(bytes: Uint8Array): WireEnvelope {
  const message = envelopeType().decode(asBuffer(bytes));
  const body: unknown = Reflect.get(message, 'body');
  const fields: unknown = typeof body === 'string' ? Reflect.get(message, body) : undefined;
  const tensor: unknown = Reflect.get(message, 'tensor');
  return {
    major: Number(Reflect.get(message, 'major')),
    minor: Number(Reflect.get(message, 'minor')),
    body: typeof body === 'string' ? body : undefined,
    field: (name): unknown =>
      typeof fields === 'object' && fields !== null ? Reflect.get(fields, name) : undefined,
    tensor: tensor instanceof Uint8Array ? tensor : new Uint8Array(0),
  };
}

/** Only a Buffer is read without copying its parts. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}
