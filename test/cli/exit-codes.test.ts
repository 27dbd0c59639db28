import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { InterruptedError, NoModelError, UsageError } from '../../src/cli/errors.js';
import { codeByErrorName, exitCodes, explainError } from '../../src/cli/exit-codes.js';
import * as coordinator from '../../src/coordinator/index.js';
import * as demo from '../../src/data/demo/index.js';
import * as data from '../../src/data/index.js';
import * as engine from '../../src/engine/index.js';
import * as infer from '../../src/infer/index.js';
import * as metrics from '../../src/metrics/index.js';
import * as protocol from '../../src/protocol/index.js';
import * as store from '../../src/store/index.js';
import * as transport from '../../src/transport/index.js';
import * as worker from '../../src/worker/index.js';

/** Errors of a programmer, not of a user: they end in exit code 1 and a request to report. */
const internal = new Set(['BatchError']);

const folders = { coordinator, data, demo, engine, infer, metrics, protocol, store, transport, worker };

/** Error classes among a folder's exports, by the name that their instances carry. */
function errorNames(exports: Record<string, unknown>): string[] {
  return Object.entries(exports)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error)
    .map(([name]) => name);
}

describe.each(Object.entries(folders))('src/%s', (_, exports) => {
  it('has an exit code for every error class it shows', () => {
    const without = errorNames(exports).filter(
      (name) => codeByErrorName[name] === undefined && !internal.has(name),
    );
    expect(without).toEqual([]);
  });
});

it('maps no name that nobody throws', () => {
  const thrown = [
    ...Object.values(folders).flatMap(errorNames),
    'UsageError',
    'NoAnswerError',
    'NoModelError',
  ];
  expect(Object.keys(codeByErrorName).filter((name) => !thrown.includes(name))).toEqual([]);
});

it('maps a class of each kind', () => {
  expect(explainError(new UsageError('no'))).toEqual({ code: 2, message: 'no' });
  expect(explainError(new data.DataError('no')).code).toBe(3);
  expect(explainError(new transport.BrokerError('no')).code).toBe(4);
  expect(explainError(new NoModelError('no')).code).toBe(5);
  expect(explainError(new coordinator.RunStoppedError('no')).code).toBe(6);
  expect(explainError(new store.OutputError('no')).code).toBe(7);
  expect(explainError(new InterruptedError('SIGINT')).code).toBe(130);
  expect(explainError(new InterruptedError('SIGTERM')).code).toBe(143);
});

it('knows a full disk and a missing permission even where nobody wrapped them', () => {
  for (const code of ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT']) {
    expect(explainError(Object.assign(new Error('x'), { code })).code).toBe(7);
  }
});

it('asks to report what nobody expected', () => {
  for (const thrown of [new TypeError('x is not a function'), 'a string', undefined, { a: 1 }]) {
    const { code, message } = explainError(thrown);
    expect(code).toBe(1);
    expect(message).toContain('Please report it');
  }
});

it('describes every code in the documentation', async () => {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  for (const code of Object.keys(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
  for (const name of Object.keys(codeByErrorName)) expect(page).toContain(`\`${name}\``);
});
