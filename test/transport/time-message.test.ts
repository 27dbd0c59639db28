import { afterAll, beforeAll, expect, it } from 'vitest';
import { BrokerError, timeRabbitMessage } from '../../src/transport/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';

let vhost: TestVhost;
beforeAll(async () => {
  vhost = await testVhost();
});
afterAll(() => vhost?.dispose());

it('takes the time of a message there and back, and leaves nothing behind', async () => {
  // The second one would find the queue locked if the first had left its own.
  for (const sizeBytes of [240_000, 240_000]) {
    expect(await timeRabbitMessage({ url: vhost.url, name: 'measured' }, sizeBytes)).toBeGreaterThan(0);
  }
});

it('multiplies the time of the largest message for a set of parameters that travels in several', async () => {
  let ms = 0;
  // Each look at the clock is a second after the one before, so every message takes one second.
  const now = (): number => (ms += 1000);
  const seconds = await timeRabbitMessage({ url: vhost.url, name: 'measured', now }, 20 * 2 ** 20);
  expect(seconds).toBe(2500);
});

it('says what is wrong where no broker is', async () => {
  const nowhere = timeRabbitMessage({ url: 'amqp://127.0.0.1:1', name: 'measured' }, 1000);
  await expect(nowhere).rejects.toThrow(BrokerError);
});
