import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import {
  asFloat32,
  decode,
  decodeStatusReport,
  decodeTask,
  decodeToCoordinator,
  decodeToReducer,
  decodeToWorker,
  decodeWeights,
  encode,
  limits,
  type Message,
  ProtocolError,
  protocolVersion,
} from '../../src/protocol/index.js';
import { samples } from './samples.js';

const messages: Message[] = Object.values(samples);

/** Bytes arrive as some kind of Uint8Array; what counts is what is in them. */
function plain(message: Message): object {
  return Object.fromEntries(
    Object.entries(message).map(([field, value]) => [
      field,
      Buffer.isBuffer(value) ? new Uint8Array(value) : value,
    ]),
  );
}

test.each(messages)('$type survives the wire', (message) => {
  expect(plain(decode(encode(message)))).toEqual(message);
  // The same from bytes that are no Buffer, in shared memory, at an odd offset.
  const bytes = encode(message);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3);
  shared.set(bytes);
  expect(plain(decode(shared))).toEqual(message);
});

test('the schema is what other protobuf readers read', async () => {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => new URL(`../../proto/${target}`, import.meta.url).pathname;
  await root.load('onko/v1/envelope.proto');
  const envelope = root.lookupType('onko.v1.Envelope');
  const { result } = samples;
  const read = envelope.toObject(envelope.decode(encode(result)), {
    enums: String,
    longs: Number,
    bytes: Array,
  });
  expect(read).toMatchObject({
    major: 1,
    result: { run: 'run-1', mode: 'MODE_TRAIN', lossSum: -0.1, confusion: [1, 0, 2, 3] },
    tensor: [...result.gradient],
  });
  // And what another writer writes, fields in another order and without padding, is what we read.
  const { tensor, result: fields } = read;
  const rewritten = envelope.encode(
    envelope.fromObject({ tensor, result: { ...fields, gradient: undefined }, minor: 5, major: 1 }),
  );
  expect(plain(decode(rewritten.finish()))).toEqual(result);
});

test('tensors are views of the message, at a multiple of 16 bytes', () => {
  for (let chars = 1; chars <= 40; chars++) {
    const parameters = new Uint8Array(Float32Array.from({ length: 62_006 }, (_, i) => i).buffer);
    const bytes = encode({
      type: 'weights',
      run: 'r'.repeat(chars),
      fence: 1,
      version: 2,
      encoding: 'f32',
      parameters,
    });
    const copy = new Uint8Array(bytes);
    const decoded = decodeWeights(copy);
    expect(decoded.parameters.buffer).toBe(copy.buffer);
    expect(decoded.parameters.byteOffset % 16).toBe(0);
    const values = asFloat32(decoded.parameters);
    expect(values.buffer).toBe(copy.buffer);
    expect([values[0], values[62_005]]).toEqual([0, 62_005]);
  }
});

test('asFloat32 copies what is misaligned, and refuses what is no multiple of four bytes', () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
  const values = asFloat32(bytes.subarray(1));
  expect([...values]).toEqual([1.5, -2]);
  expect(values.buffer).not.toBe(bytes.buffer);
  expect(() => asFloat32(bytes)).toThrow('multiple of 4 bytes');
});

describe('what does not follow the protocol is refused with message and field', () => {
  const cases: [string, Message, RegExp][] = [
    ['name', { ...samples.drain, worker: 'a b' }, /^drain\.worker: expected a name .* got "a b"$/],
    ['empty name', { ...samples.ready, run: '' }, /^ready\.run: expected a name .* got nothing$/],
    ['long name', { ...samples.ready, run: 'r'.repeat(101) }, /^ready\.run: /],
    ['path as name', { ...samples.ready, run: '../etc' }, /^ready\.run: /],
    ['negative', { ...samples.ready, fence: -1 }, /^ready\.fence: expected a whole number .* got -1$/],
    ['fraction', { ...samples.task, step: 1.5 }, /^task\.step: /],
    ['too large', { ...samples.task, attempt: 2 ** 32 }, /^task\.attempt: /],
    ['no number', { ...samples.task, step: Number.NaN }, /^task\.step: .* got NaN$/],
    ['node 0', { ...samples.task, node: 0 }, /^task\.node: expected a tree node from 1 .* got 0$/],
    ['node', { ...samples.result, node: 131_072 }, /^result\.node: /],
    [
      'microshards',
      { ...samples.offer, microshards: 12 },
      /^offer\.microshards: expected a power of two .* got 12$/,
    ],
    [
      'microshard',
      { ...samples.offer, microshardSamples: 24 },
      /^offer\.microshardSamples: expected a multiple of 16/,
    ],
    ['hash', { ...samples.block_request, hash: 'AB'.repeat(32) }, /^block_request\.hash: expected a SHA-256/],
    [
      'infinite',
      { ...samples.result, waitMs: Number.POSITIVE_INFINITY },
      /^result\.waitMs: expected a finite number/,
    ],
    ['negative time', { ...samples.result, fetchMs: -1 }, /^result\.fetchMs: /],
    [
      'half a float',
      { ...samples.result, gradient: new Uint8Array(7) },
      /^result\.gradient: expected a multiple of 4/,
    ],
    [
      'too many',
      { ...samples.heartbeat, nodes: Array(65_537).fill(1) },
      /^heartbeat\.nodes: expected at most 65536/,
    ],
    ['confusion', { ...samples.result, confusion: new Uint32Array(512 * 512 + 1) }, /^result\.confusion: /],
  ];
  test.each(cases)('%s', (_what, message, expected) => {
    expect(() => encode(message)).toThrow(ProtocolError);
    expect(() => encode(message)).toThrow(expected);
  });

  test('the same on the way in', () => {
    expect(() => decode(wire({ major: 1, ready: { run: 'a b', worker: 'w' } }))).toThrow(/^ready\.run: /);
    expect(() => decode(wire({ major: 1, ready: { run: 'r' } }))).toThrow(/^ready\.worker: .* got nothing/);
    expect(() => decode(wire({ major: 1, task: { run: 'r', node: 1 } }))).toThrow(
      /^task\.mode: .* train or evaluate, got 0/,
    );
    expect(() => decode(wire({ major: 1, task: { run: 'r', node: 1, mode: 9 } }))).toThrow(/^task\.mode: /);
    expect(() => decode(wire({ major: 1, endOfRun: { run: 'r' } }))).toThrow(/^end_of_run\.outcome: /);
    expect(() => decode(wire({ major: 1, weights: { run: 'r' }, tensor: new Uint8Array(5) }))).toThrow(
      /^weights\.parameters: /,
    );
  });

  test('an error knows its message and field', () => {
    const error = new ProtocolError('task', 'node', 'expected another');
    expect(error).toMatchObject({ name: 'ProtocolError', messageType: 'task', field: 'node' });
  });
});

const envelopeType = (() => {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => new URL(`../../proto/${target}`, import.meta.url).pathname;
  root.loadSync('onko/v1/envelope.proto');
  return root.lookupType('onko.v1.Envelope');
})();

function wire(envelope: Record<string, unknown>): Uint8Array {
  return envelopeType.encode(envelope).finish();
}

test('a newer major version is refused in plain words, a newer minor one is read', () => {
  const announce = { run: 'r' };
  expect(() => decode(wire({ major: protocolVersion.major + 1, announce }))).toThrow(
    'the sender speaks protocol 2, this Onko speaks 1; update Onko on this machine',
  );
  expect(() => decode(wire({ announce }))).toThrow('expected a protocol version, got none');
  expect(decode(wire({ major: 1, minor: 99, announce }))).toEqual({ type: 'announce', run: 'r' });
});

test('a kind of message from the future is refused, fields from the future are skipped', () => {
  const future = new protobuf.Writer()
    .uint32(8)
    .uint32(1)
    .uint32((500 << 3) | 2)
    .string('news');
  expect(() => decode(future.finish())).toThrow(ProtocolError);
  expect(() => decode(future.finish())).toThrow(/none that this Onko knows/);
  const known = Buffer.concat([wire({ major: 1, announce: { run: 'r' } }), future.finish().subarray(2)]);
  expect(decode(known)).toEqual({ type: 'announce', run: 'r' });
});

test('sizes: small kinds stay small, reasons are clipped', () => {
  const reason = 'x'.repeat(10_000);
  const refuse = decode(encode({ type: 'refuse', run: 'r', reason }));
  expect(refuse).toEqual({ type: 'refuse', run: 'r', reason: `${'x'.repeat(limits.textChars - 1)}…` });
  const stuffed = wire({ major: 1, announce: { run: 'r' }, pad: new Uint8Array(limits.restBytes) });
  expect(() => decode(stuffed)).toThrow(/^announce: expected at most 65536 bytes/);
  const long = wire({ major: 1, refuse: { run: 'r', reason } });
  expect(() => decode(long)).toThrow(/^refuse\.reason: expected at most 4096 characters, got 10000/);
});

test('sizes are looked at from outside, before lists are unpacked to many times their bytes', () => {
  const body = Buffer.concat([
    new protobuf.Writer()
      .uint32((5 << 3) | 2)
      .uint32(50_000_000)
      .finish(),
    Buffer.alloc(50_000_000, 1),
  ]);
  const head = new protobuf.Writer()
    .uint32(8)
    .uint32(1)
    .uint32((18 << 3) | 2)
    .uint32(body.length);
  const bomb = Buffer.concat([head.finish(), body]);
  const before = process.memoryUsage().rss;
  expect(() => decodeToCoordinator(bomb)).toThrow(/^heartbeat: expected at most 720896 bytes, got 50000/);
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  // Kinds that are for others are not even looked into.
  const offer = encode(samples.offer);
  expect(() => decodeToCoordinator(offer)).toThrow('offer: expected a message for a coordinator here');
});

test('an envelope has one body, and few fields', () => {
  const announce = wire({ major: 1, announce: { run: 'r' } });
  expect(() => decode(Buffer.concat([announce, announce.subarray(2)]))).toThrow('expected one, got 2');
  const crowd = Buffer.concat(Array.from({ length: 100 }, () => Buffer.of(8, 1)));
  expect(() => decode(Buffer.concat([announce, crowd]))).toThrow('more than 64 fields');
});

test('every reader takes its own kinds only', () => {
  expect(kinds(decodeTask)).toEqual(['task']);
  expect(kinds(decodeWeights)).toEqual(['weights']);
  const toCoordinator = [
    'hello',
    'ready',
    'heartbeat',
    'task_failed',
    'goodbye',
    'block_request',
    'result',
    'status_request',
    'reducer_hello',
    'range_held',
    'range_released',
    'range_sum',
  ];
  expect(kinds(decodeToCoordinator)).toEqual(toCoordinator);
  const toWorker = [
    'offer',
    'announce',
    'refuse',
    'block_response',
    'drain',
    'drain_request',
    'end_of_run',
    'task',
    'weights',
  ];
  expect(kinds(decodeToWorker)).toEqual(toWorker);
  const toReducer = ['announce', 'refuse', 'end_of_run', 'range_offer', 'fold_range', 'segment'];
  expect(kinds(decodeToReducer)).toEqual(toReducer);
  expect(kinds(decodeStatusReport)).toEqual(['status_report']);
});

function kinds(read: (bytes: Uint8Array) => unknown): string[] {
  return messages.filter((message) => accepts(read, encode(message))).map((message) => message.type);
}

function accepts(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    read(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return false;
  }
}
