import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { InterruptedError } from '../../src/cli/errors.js';
import { watchSignals } from '../../src/cli/signals.js';

function watch() {
  const source = new EventEmitter();
  const exits: number[] = [];
  const firsts: string[] = [];
  const signals = watchSignals({
    source,
    exit: (code) => exits.push(code),
    onFirst: (signal) => firsts.push(signal),
  });
  return { source, exits, firsts, signals };
}

it.each(['SIGINT', 'SIGTERM'] as const)('asks for an orderly end on the first %s', (signal) => {
  const { source, exits, firsts, signals } = watch();
  expect(signals.received()).toBeNull();
  source.emit(signal);
  expect(signals.received()).toBe(signal);
  expect(signals.stop.aborted).toBe(true);
  expect(signals.stop.reason).toBeInstanceOf(InterruptedError);
  expect([firsts, exits]).toEqual([[signal], []]);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('ends at once on a second signal, %s with %i', (signal, code) => {
  const { source, exits, firsts } = watch();
  source.emit('SIGINT');
  source.emit(signal);
  expect(exits).toEqual([code]);
  expect(firsts).toHaveLength(1);
});

it('lets go of the process when it is done', () => {
  const { source, signals } = watch();
  signals.dispose();
  expect([source.listenerCount('SIGINT'), source.listenerCount('SIGTERM')]).toEqual([0, 0]);
});
