import { describe, expect, it } from 'vitest';
import { createPutOff } from '../../src/coordinator/put-off.js';

function open() {
  const called: (() => void)[] = [];
  const errors: unknown[] = [];
  const done: string[] = [];
  const timers = {
    after: (_ms: number, run: () => void) => {
      called.push(run);
      return () => undefined;
    },
  };
  const putOff = createPutOff(timers, (error) => errors.push(error));
  return { putOff, called, errors, done, note: (line: string) => () => void done.push(line) };
}

describe('work that is put off', () => {
  it('is done in its order when the event loop comes around, with one call for all of it', () => {
    const { putOff, called, done, note } = open();
    putOff.add(note('a'));
    putOff.add(note('b'));
    expect(done).toEqual([]);
    expect(called).toHaveLength(1);
    called[0]();
    expect(done).toEqual(['a', 'b']);
    putOff.add(note('c'));
    called[1]();
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('is done once, sooner if somebody wants to know', () => {
    const { putOff, called, done, note } = open();
    putOff.add(note('a'));
    putOff.catchUp();
    expect(done).toEqual(['a']);
    called[0]();
    expect(done).toEqual(['a']);
  });

  it('tells what it throws', () => {
    const { putOff, called, errors } = open();
    const failure = new Error('no');
    putOff.add(() => {
      throw failure;
    });
    called[0]();
    expect(errors).toEqual([failure]);
  });
});
