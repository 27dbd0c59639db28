import { expect, test } from 'vitest';
import {
  coordinatorsExchange,
  isIdentifier,
  lobbyExchange,
  runTopology,
  sharedKeys,
  workerInbox,
} from '../../src/protocol/index.js';

function names(run: string, worker: string): string[] {
  const topology = runTopology(run);
  const fixed = Object.values(topology).filter((name) => typeof name === 'string');
  return [...fixed, topology.weightsQueue(worker), workerInbox(worker)];
}

test('the longest names fit into AMQP', () => {
  const longest = 'x'.repeat(100);
  expect(isIdentifier(longest)).toBe(true);
  expect(isIdentifier(`${longest}x`)).toBe(false);
  for (const name of names(longest, longest)) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
});

test('nothing has the name of something else', () => {
  const all = [...names('r', 'w'), ...names('r2', 'w2')];
  all.push(lobbyExchange, coordinatorsExchange, ...Object.values(sharedKeys));
  expect(new Set(all).size).toBe(all.length);
});

test('identifiers', () => {
  for (const yes of ['a', '7', 'host-12.example_3', 'A'.repeat(100)]) expect(isIdentifier(yes)).toBe(true);
  for (const no of ['', '.', '-a', 'a b', 'a/b', 'ক', 'a\n', '#', '*']) expect(isIdentifier(no)).toBe(false);
});
