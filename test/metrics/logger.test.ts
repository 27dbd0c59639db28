import { expect, it } from 'vitest';
import { createLog, silentLog } from '../../src/metrics/index.js';

function capture(o: { level?: 'debug' | 'info' | 'warn' | 'silent'; json?: boolean }) {
  const lines: string[] = [];
  const log = createLog({
    level: o.level ?? 'info',
    json: o.json ?? false,
    destination: { write: (line) => lines.push(line) },
  });
  return { lines, log };
}

it('writes plain single lines: time, level, message, key=value', () => {
  const { lines, log } = capture({});
  log.child({ run: 'r1' }).warn('block is late', { node: 5, share: 1 / 3, who: 'two words', none: null });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ warn {2}block is late run=r1 node=5 share=0\.333333 who="two words" none=null\n$/,
  );
});

it('writes JSON on request', () => {
  const { lines, log } = capture({ json: true });
  log.info('step done', { step: 3 });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', message: 'step done', step: 3 });
});

it('leaves out what is below its level', () => {
  const { lines, log } = capture({ level: 'warn' });
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  expect(lines.map((line) => line.trim().split(/\s+/).at(-1))).toEqual(['c', 'd']);
  const quiet = capture({ level: 'silent' });
  quiet.log.error('d');
  expect(quiet.lines).toEqual([]);
});

it.each([true, false])('never shows credentials, wherever they stand (json: %s)', (json) => {
  const { lines, log } = capture({ json, level: 'debug' });
  const url = 'amqp://user:hunter2@broker/v';
  log
    .child({ broker: url })
    .info(`connecting to ${url}`, { url, error: new Error(`no ${url}`), list: [url] });
  expect(lines.join('')).not.toContain('hunter2');
  expect(lines.join('')).toContain('amqp://***@broker/v');
});

it('keeps a message with line breaks and escape sequences on one harmless line', () => {
  const { lines, log } = capture({});
  log.info('file a\nb\u001b[2J', { name: 'x\ny' });
  expect(lines[0]?.split('\n')).toHaveLength(2);
  expect(lines[0]).not.toContain('\u001b');
});

it('does not let fields take the place of time, level and message', () => {
  const { lines, log } = capture({ json: true });
  log.info('real', { level: 'fake', message: 'fake', time: 'fake' });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', message: 'real', message_: 'fake' });
});

it('has a log that says nothing', () => {
  expect(() => silentLog.child({ a: 1 }).error('x')).not.toThrow();
});
