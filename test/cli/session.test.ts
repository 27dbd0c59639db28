import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { openSession } from '../../src/cli/session.js';

/** A session whose standard output is full after every write. */
function sessionWithFullOutput() {
  const stdout = Object.assign(new EventEmitter(), { write: () => false });
  const session = openSession(
    {
      stdout,
      stderr: { write: () => true },
      stdin: () => Readable.from([]),
      env: {},
      cwd: '/',
      now: () => 0,
      pid: 1,
      nodeVersion: '20.19.0',
      rssBytes: () => 0,
      signals: new EventEmitter(),
      exit: () => {},
    },
    [],
    { logLevel: 'silent', json: false, verbose: false },
  );
  return { stdout, session };
}

it.each(['drain', 'error', 'close'])(
  'waits with a long result until %s, and leaves no listener',
  async (event) => {
    const { stdout, session } = sessionWithFullOutput();
    for (let piece = 0; piece < 3; piece++) {
      const taken = vi.fn();
      const writing = session.write('text').then(taken);
      await new Promise(setImmediate);
      expect(taken).not.toHaveBeenCalled();
      stdout.emit(event);
      await writing;
      expect(stdout.eventNames()).toEqual([]);
    }
    session.close();
  },
);
