import { expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/transport/rabbitmq/address.js';
import { backoffMs } from '../../src/transport/rabbitmq/backoff.js';
import { explainConnectError } from '../../src/transport/rabbitmq/connect-errors.js';
import { PartAssembler, partBytes, splitParts } from '../../src/transport/rabbitmq/parts.js';

function explained(code: string, message = `failed for s3cret with ${code}`): string {
  const address = parseBrokerUrl('amqps://me:s3cret@broker.example/tenant');
  const error = explainConnectError(Object.assign(new Error(message), { code }), address, 500);
  expect(`${error.message} ${String(error.cause)}`).not.toContain('s3cret');
  return error.message;
}

test('a URL is taken apart, with its escapes and defaults', () => {
  expect(parseBrokerUrl('amqp://u%40x:p%2Fw@[::1]:7000/a%2Fb')).toEqual({
    secure: false,
    host: '::1',
    port: 7_000,
    user: 'u@x',
    password: 'p/w',
    vhost: 'a/b',
    place: '[::1]:7000',
  });
  expect(parseBrokerUrl('amqps://host')).toMatchObject({
    port: 5_671,
    user: 'guest',
    password: 'guest',
    vhost: '/',
  });
  expect(parseBrokerUrl('amqp://host/')).toMatchObject({ port: 5_672, vhost: '/' });
});

test('errors that no test server makes are explained too, without the password', () => {
  expect(explained('DEPTH_ZERO_SELF_SIGNED_CERT')).toMatch(/certificate of broker.example:5671 .*--tls-ca/);
  expect(explained('ERR_TLS_CERT_ALTNAME_INVALID')).toMatch(/certificate/);
  expect(explained('EHOSTUNREACH')).toMatch(/no way to broker.example:5671/);
  expect(explained('EAI_AGAIN')).toMatch(/host broker.example .*cannot be found/);
  expect(explained('ETIMEDOUT')).toMatch(/within 500 ms/);
  expect(explained('', 'something else about s3cret')).toBe(
    'Cannot connect to RabbitMQ at broker.example:5671: something else about ***.',
  );
});

test('backoff doubles up to five seconds, of which half is left to chance', () => {
  const shortest = Array.from({ length: 10 }, (_, attempt) => backoffMs(attempt, () => 0));
  expect(shortest).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500, 2_500]);
  expect(backoffMs(0, () => 1)).toBe(100);
  expect(backoffMs(1_000, () => 1)).toBe(5_000);
});

function headers(message: number, part: number, parts: number, publisher = 'p'): Record<string, unknown> {
  return { 'onko-publisher': publisher, 'onko-message': message, 'onko-part': part, 'onko-parts': parts };
}

test('large messages are split and put together again', () => {
  const bytes = Buffer.alloc(2 * partBytes + 5, 'onko');
  const parts = splitParts(bytes);
  expect(parts.map((part) => part.length)).toEqual([partBytes, partBytes, 5]);
  const assembler = new PartAssembler();
  expect(assembler.add(headers(1, 0, 3), parts[0] ?? bytes)).toBe(null);
  expect(assembler.add({}, Buffer.from('small'))).toEqual(Buffer.from('small'));
  expect(assembler.add(headers(1, 1, 3), parts[1] ?? bytes)).toBe(null);
  const whole = assembler.add(headers(1, 2, 3), parts[2] ?? bytes);
  expect(Buffer.isBuffer(whole) && whole.equals(bytes)).toBe(true);
  expect(splitParts(Buffer.alloc(0)).length).toBe(1);
});

test('an unfinished message is dropped when its publisher starts another', () => {
  const assembler = new PartAssembler();
  const [a, b, c] = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')];
  expect(assembler.add(headers(1, 0, 2), a)).toBe(null);
  expect(assembler.add(headers(7, 0, 2, 'other'), c)).toBe(null);
  expect(assembler.add(headers(2, 1, 2), b)).toBe(null);
  expect(assembler.add(headers(2, 0, 2), a)).toEqual(Buffer.from('ab'));
  expect(assembler.add(headers(7, 1, 2, 'other'), b)).toEqual(Buffer.from('cb'));
});

test('part headers that make no sense are told as such', () => {
  const assembler = new PartAssembler();
  for (const [part, parts] of [
    [3, 3],
    [-1, 3],
    [0.5, 3],
    [0, 1_000_000],
  ] as const) {
    expect(assembler.add(headers(1, part, parts), Buffer.from('x'))).toMatch(/part headers/);
  }
});
