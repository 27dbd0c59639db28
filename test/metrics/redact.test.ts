import { expect, it } from 'vitest';
import { redactText, redactUrl, redactValue } from '../../src/metrics/index.js';

it.each([
  ['amqp://user:secret@host:5672/vhost', 'amqp://***@host:5672/vhost'],
  ['amqps://user:secret@host', 'amqps://***@host'],
  ['AMQP://user:secret@host', 'AMQP://***@host'],
  ['amqp://user@host', 'amqp://***@host'],
  ['amqp://u:se@cr/e"t\'@host/v', 'amqp://***@host/v'],
  ['amqp://u:p%40secret@host', 'amqp://***@host'],
  ['amqp://host:5672/v', 'amqp://host:5672/v'],
  ['http://u:secret@host:15672/api', 'http://***@host:15672/api'],
])('hides user and password of %s', (url, safe) => {
  expect(redactUrl(url)).toBe(safe);
});

it('leaves the rest of a text alone, mail addresses too', () => {
  expect(redactText('cannot reach amqp://u:secret@host, ask admin@example.org or amqps://u:secret@b')).toBe(
    'cannot reach amqp://***@host, ask admin@example.org or amqps://***@b',
  );
});

it('finds URLs deep in fields, in keys and in errors', () => {
  const value = redactValue({
    list: [{ url: 'amqp://u:secret@h' }],
    error: new Error('refused by amqp://u:secret@h'),
    'amqp://u:secret@h': 1,
    deep: { a: { b: { c: { d: 'amqp://u:secret@h' } } } },
    big: 12n,
    bytes: new Uint8Array(7),
  });
  const text = JSON.stringify(value);
  expect(text).not.toContain('secret');
  expect(value).toMatchObject({
    list: [{ url: 'amqp://***@h' }],
    error: 'refused by amqp://***@h',
    big: '12',
    bytes: '7 bytes',
  });
});
