import { expect, it } from 'vitest';
import { createHostCheck } from '../../src/metrics/host-check.js';

const mine = [
  'localhost',
  'LOCALHOST:9464',
  '127.0.0.1:9464',
  '127.1.2.3',
  '[::1]:80',
  'run.localhost:1',
  'localhost.:80',
];
const others = [
  'evil.example:9464',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '10.0.0.7:9464',
  '[fe80::1]',
];
const none = ['', 'a b', 'user@localhost', 'http://localhost', '[::1', '::1', 'localhost:x'];

it.each(['127.0.0.1', '::1', 'localhost'])('on %s answers to names of this machine alone', (bound) => {
  const isForUs = createHostCheck(bound);
  expect(mine.filter((header) => !isForUs(header))).toEqual([]);
  expect([...others, ...none].filter(isForUs)).toEqual([]);
  expect(isForUs(undefined)).toBe(true);
});

it('answers to names that it was told, too', () => {
  const isForUs = createHostCheck('127.0.0.1', ['Lab.example']);
  expect(['lab.example', 'LAB.example:443', ...mine].every(isForUs)).toBe(true);
  expect(['sub.lab.example', ...others].filter(isForUs)).toEqual([]);
});

it('on every network answers to any name, or to addresses and those that it was told', () => {
  expect([...mine, ...others].every(createHostCheck('0.0.0.0'))).toBe(true);
  const told = createHostCheck('0.0.0.0', ['lab.example']);
  expect(['lab.example', '10.0.0.7:9464', '[fe80::1]', ...mine].every(told)).toBe(true);
  expect(['evil.example', '127.0.0.1.evil.example', ...none].filter(told)).toEqual([]);
});
