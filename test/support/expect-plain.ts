import { expect } from 'vitest';
import { stackLines } from '../cli/run-program.js';
import type { ProgramEnd } from './start-program.js';

/** One line of plain sentences on standard error, the code, and no stack trace. */
export function expectPlain(end: ProgramEnd, code: number, sentence: RegExp): void {
  expect({ code: end.code, stdout: end.stdout }, end.stderr).toEqual({ code, stdout: '' });
  expect(end.stderr).toMatch(sentence);
  expect(end.stderr.trim().split('\n')).toHaveLength(1);
  expect(stackLines(end.stderr)).toEqual([]);
}
