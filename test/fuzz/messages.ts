import protobuf from 'protobufjs';
import {
  decode,
  decodeStatusReport,
  decodeTask,
  decodeToCoordinator,
  decodeToReducer,
  decodeToWorker,
  decodeWeights,
  encode,
  type Message,
  ProtocolError,
} from '../../src/protocol/index.js';
import { samples } from '../protocol/samples.js';
import { type Below, damage, randomBytes } from './chance.js';
import { readsOr, type Target } from './target.js';

const whole = (Object.values(samples) as Message[]).map(encode);
const readers = [
  decodeToCoordinator,
  decodeToWorker,
  decodeToReducer,
  decodeTask,
  decodeWeights,
  decodeStatusReport,
];

/** Numbers of the envelope's bodies, and of fields in them that are lists. */
const lists = [
  { body: 18, field: 5 },
  { body: 19, field: 8 },
  { body: 22, field: 12 },
  { body: 38, field: 8 },
  { body: 26, field: 7 },
  { body: 26, field: 8 },
  { body: 42, field: 7 },
] as const;

const some = (below: Below): Uint8Array => whole[below(whole.length)] ?? new Uint8Array(0);
const head = (): protobuf.Writer => new protobuf.Writer().uint32(8).uint32(1);

/** Says that gigabytes follow, somewhere. */
function lengthBomb(below: Below): Uint8Array {
  const bytes = some(below);
  const at = below(bytes.length + 1);
  const claim = new protobuf.Writer()
    .uint32(((1 + below(60)) << 3) | 2)
    .uint32(below(2) === 0 ? 0xff_ff_ff_ff : below(2 ** 31));
  return Buffer.concat([bytes.subarray(0, at), claim.finish(), bytes.subarray(at)]);
}

/** A list that takes many times its bytes when it is unpacked. */
function listBomb(below: Below): Uint8Array {
  const { body, field } = lists[below(lists.length)] ?? lists[0];
  const length = 1 + below(2_000_000);
  const list = Buffer.concat([
    new protobuf.Writer()
      .uint32((field << 3) | 2)
      .uint32(length)
      .finish(),
    Buffer.alloc(length, 1),
  ]);
  return Buffer.concat([
    head()
      .uint32((body << 3) | 2)
      .uint32(list.length)
      .finish(),
    list,
  ]);
}

/** What a newer minor version may add: to be skipped. */
function withUnknownFields(below: Below): Uint8Array {
  const parts = [some(below)];
  for (let count = below(10); count >= 0; count--) {
    const number = 100 + below(1_000);
    const content = randomBytes(below, 40);
    parts.push(
      new protobuf.Writer()
        .uint32((number << 3) | 2)
        .bytes(content)
        .finish(),
    );
  }
  return Buffer.concat(parts);
}

/** Messages as a hostile peer, a broken machine or another version might send them. */
export const messages: Target = {
  name: 'messages',
  draw(below) {
    switch (below(10)) {
      case 0: {
        const bytes = some(below);
        return { bytes: bytes.subarray(0, below(bytes.length)) };
      }
      case 1:
        return { bytes: randomBytes(below, 300) };
      case 2: {
        const [one, other] = [some(below), some(below)];
        return {
          bytes: Buffer.concat([one.subarray(0, below(one.length)), other.subarray(below(other.length))]),
        };
      }
      case 3:
        return { bytes: lengthBomb(below) };
      case 4:
        return below(1_000) === 0
          ? { bytes: listBomb(below), must: 'be refused' }
          : { bytes: Buffer.alloc(below(3_000), [0x0b, 0xff, 0x80, 0][below(4)]) };
      case 5:
        return { bytes: withUnknownFields(below), must: 'be accepted' };
      case 6: {
        // Major versions from 2 on, and none.
        const bytes = Buffer.from(some(below));
        const major = below(127);
        bytes[1] = major === 1 ? 0 : major;
        return { bytes, must: 'be refused' };
      }
      default:
        return { bytes: damage(some(below), below) };
    }
  },
  takes(bytes) {
    const taken = readsOr([ProtocolError], () => {
      const message = decode(bytes);
      // What was let in can be sent on: it follows the protocol in every field.
      encode(message);
    });
    // Those for one place each: they take some of that, and nothing else.
    const reader = readers[bytes.length % readers.length] ?? decodeTask;
    if (readsOr([ProtocolError], () => reader(bytes)) && !taken)
      throw new Error('A reader for one place takes what nobody should.');
    return taken;
  },
};
