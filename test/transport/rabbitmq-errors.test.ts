import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { encode, runTopology, workerInbox } from '../../src/protocol/index.js';
import { BrokerError, createRabbitTransport, type RabbitOptions } from '../../src/transport/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { hello, task } from './samples.js';

let vhost: TestVhost;

beforeAll(async () => {
  vhost = await testVhost();
});

afterAll(() => vhost?.dispose());

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port.');
  return address.port;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** What a user reads when this broker cannot be used. */
async function complaint(url: string, options: Partial<RabbitOptions> = {}): Promise<string> {
  const error: unknown = await createRabbitTransport({ url, ...options }).then(
    () => new Error('It worked.'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  const { message } = error instanceof Error ? error : new Error();
  expect(message).not.toContain('s3cret');
  return message;
}

function changed(change: (url: URL) => void): string {
  const url = new URL(vhost.url);
  change(url);
  return url.href;
}

test.each([
  ['not a url', /not a URL/],
  ['http://user:s3cret@host', /starts with http:.*amqp:\/\/USER:PASSWORD/],
  ['amqp://', /names no host|not a URL/],
  ['amqp://user:s3cr%zzet@host', /%25/],
])('%s is refused before any connection', async (url, expected) => {
  expect(await complaint(url)).toMatch(expected);
});

test('a closed port', async () => {
  const server = createServer();
  const port = await listening(server);
  await closed(server);
  expect(await complaint(`amqp://user:s3cret@127.0.0.1:${port}`)).toMatch(
    new RegExp(`Nothing listens at 127.0.0.1:${port}`),
  );
});

test('a host that does not exist', async () => {
  expect(await complaint('amqp://user:s3cret@no-such-host.invalid')).toMatch(
    /host no-such-host.invalid .*cannot be found/,
  );
});

test('a wrong password', async () => {
  const url = changed((one) => {
    one.password = 's3cret';
  });
  expect(await complaint(url)).toMatch(
    /refused user guest \(virtual host test-.*wrong user name or password/,
  );
});

test('an unknown user', async () => {
  const url = changed((one) => {
    one.username = 'nobody';
    one.password = 's3cret';
  });
  expect(await complaint(url)).toMatch(/refused user nobody/);
});

test('a virtual host that does not exist', async () => {
  const url = changed((one) => {
    one.pathname = '/no-such-vhost';
  });
  expect(await complaint(url)).toMatch(/use virtual host no-such-vhost: it does not exist.*add_vhost/);
});

test('a web server', async () => {
  const server = createHttpServer((_request, response) => response.end('hello'));
  const port = await listening(server);
  expect(await complaint(`amqp://user:s3cret@127.0.0.1:${port}`)).toMatch(/does not speak AMQP/);
  await closed(server);
});

test('a server that hangs up at once', async () => {
  const server = createServer((socket) => socket.resume().end());
  const port = await listening(server);
  expect(await complaint(`amqp://user:s3cret@127.0.0.1:${port}`)).toMatch(/does not speak AMQP/);
  await closed(server);
});

test('a server that says nothing', async () => {
  const server = createServer((socket) => socket.resume().on('error', () => undefined));
  const port = await listening(server);
  const url = `amqp://user:s3cret@127.0.0.1:${port}`;
  expect(await complaint(url, { connectTimeoutMs: 200 })).toMatch(/No answer from .* within 200 ms/);
  await closed(server);
});

test('TLS to a port without it', async () => {
  const url = changed((one) => {
    one.protocol = 'amqps:';
  });
  expect(await complaint(url)).toMatch(/does not speak TLS/);
});

test('a broker that comes later is waited for, if one asks for that', async () => {
  const server = createServer();
  const port = await listening(server);
  await closed(server);
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
  const started = createRabbitTransport({ url: `amqp://127.0.0.1:${port}`, waitForBrokerMs: 400, log });
  await expect(started).rejects.toThrow(/Nothing listens/);
  expect(warnings.length).toBeGreaterThan(0);
});

test('malformed messages are told, acked, and never handled', async () => {
  const transport = await createRabbitTransport({ url: vhost.url });
  const boss = await transport.openCoordinator({ run: 'r1', fence: 1 });
  const worker = await transport.openWorker({ worker: 'w1' });
  const handled: string[] = [];
  const complaints: string[] = [];
  boss.onMalformed((reason) => complaints.push(`boss: ${reason}`));
  worker.onMalformed((reason) => complaints.push(`worker: ${reason}`));
  await boss.receive((message) => {
    handled.push(message.type);
    return 'ack';
  });
  await worker.receive((message) => void handled.push(message.type));
  await worker.joinRun('r1', {
    prefetch: 1,
    task: async (one) => {
      handled.push(one.type);
      return 'ack';
    },
    weights: (one) => void handled.push(one.type),
  });

  const connection = await connect(vhost.url);
  const channel = await connection.createConfirmChannel();
  const names = runTopology('r1');
  const queues = [
    names.coordinatorInbox,
    names.results,
    names.tasks,
    names.weightsQueue('w1'),
    workerInbox('w1'),
  ];
  const rubbish = [
    { content: Buffer.from('no protobuf at all'), headers: {} },
    { content: Buffer.alloc(0), headers: {} },
    { content: Buffer.from('x'), headers: { 'onko-publisher': 'x', 'onko-part': 7, 'onko-parts': 3 } },
  ];
  for (const [i, { content, headers }] of rubbish.entries()) {
    for (const queue of queues) channel.sendToQueue(queue, content, { headers });
    // One after the other: the weights queue keeps the newest only.
    await vi.waitFor(() => expect(complaints.length).toBe((i + 1) * queues.length), 10_000);
  }
  // Fine in themselves, but in the wrong place.
  channel.sendToQueue(names.tasks, Buffer.from(encode(hello('w1'))));
  channel.sendToQueue(names.results, Buffer.from(encode(task('r1'))));
  await channel.waitForConfirms();
  await vi.waitFor(() => expect(complaints.length).toBe(rubbish.length * queues.length + 2), 10_000);
  expect(handled).toEqual([]);

  // Everybody is still there.
  await boss.publishTask(task('r1'));
  await worker.hello(hello('w1'));
  await vi.waitFor(() => expect(handled.toSorted()).toEqual(['hello', 'task']), 10_000);
  for (const queue of [names.tasks, names.results]) {
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
  }
  await connection.close();
  await transport.close();
}, 30_000);
