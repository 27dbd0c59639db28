import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { decode, encode, type Message, ProtocolError } from '../../src/protocol/index.js';
import { samples } from './samples.js';

/** Set ONKO_TEST_SEED to the seed of a failure to see it again. */
const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));

/** Mulberry32 (Tommy Ettinger, public domain): small, and good enough to break things with. */
function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const encoded = (Object.values(samples) as Message[]).map(encode);

function damaged(below: (n: number) => number): Uint8Array {
  const source = encoded[below(encoded.length)] ?? new Uint8Array(0);
  const bytes = new Uint8Array(source);
  switch (below(6)) {
    case 0:
      return bytes.subarray(0, below(bytes.length + 1));
    case 1:
      return Uint8Array.from({ length: below(200) }, () => below(256));
    case 2: {
      const other = encoded[below(encoded.length)] ?? bytes;
      return Buffer.concat([bytes.subarray(0, below(bytes.length)), other.subarray(below(other.length))]);
    }
    case 3: {
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(below(20), 0xff), bytes.subarray(at)]);
    }
    case 4:
      return Buffer.alloc(below(3_000), [0x0b, 0xff, 0x80, 0x00][below(4)]);
    default:
      for (let i = 0; i <= below(8); i++) bytes[below(bytes.length)] = below(256);
      return bytes;
  }
}

test(`decode of 30,000 damaged messages: a message or a ProtocolError, nothing else (seed ${seed})`, () => {
  const below = generator(seed);
  let refused = 0;
  for (let i = 0; i < 30_000; i++) {
    const bytes = damaged(below);
    let message: Message;
    try {
      message = decode(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw new Error(`Message ${i} of seed ${seed}: ${Buffer.from(bytes).toString('hex')}`, {
          cause: error,
        });
      }
      refused++;
      continue;
    }
    // What was let in can be sent on: it follows the protocol in every field.
    encode(message);
  }
  expect(refused).toBeGreaterThan(10_000);
});
