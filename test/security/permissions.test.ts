import { readFile } from 'node:fs/promises';
import { type ChannelModel, connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { coordinatorsExchange, lobbyExchange, reducerInbox, workerInbox } from '../../src/protocol/index.js';
import {
  AccessRefusedError,
  BrokerError,
  type CoordinatorLink,
  createEmbeddedTransport,
  createRabbitTransport,
  openRabbitObserver,
  type Transport,
} from '../../src/transport/index.js';
import { openWorkshop } from '../support/small-run.js';
import { endPrograms, type RunningProgram, startProgram } from '../support/start-program.js';
import { result, task } from '../transport/samples.js';
import {
  type Attempt,
  attempts,
  binding,
  codeOf,
  exclusive,
  names,
  ownQueue,
  publishing,
} from './attempts.js';
import {
  importDefinitions,
  importRoles,
  type Role,
  type RoleBroker,
  roleUrl,
  startRoleBroker,
} from './role-broker.js';

let place: RoleBroker;
const transports: Transport[] = [];
const connections: ChannelModel[] = [];

beforeAll(async () => {
  place = await startRoleBroker('lab');
});
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
  for (const connection of connections.splice(0)) await connection.close().catch(() => undefined);
  await endPrograms();
});
afterAll(() => place?.broker.stop());

async function transportAs(role: Role): Promise<Transport> {
  const transport = await createRabbitTransport({ url: place.url(role) });
  transports.push(transport);
  return transport;
}

async function connectionAs(role: Role): Promise<ChannelModel> {
  const connection = await connect(place.url(role));
  connection.on('error', () => undefined);
  connections.push(connection);
  return connection;
}

/** A run with a member `w1`, and the connection of somebody who does not keep to the protocol. */
async function stage(role: Role = 'worker'): Promise<{ boss: CoordinatorLink; evil: ChannelModel }> {
  const boss = await (await transportAs('coordinator')).openCoordinator({ run: 'r1', fence: 1 });
  const worker = await (await transportAs('worker')).openWorker({ worker: 'w1' });
  await worker.joinRun('r1', { prefetch: 1, task: async () => 'requeue', weights: () => undefined });
  return { boss, evil: await connectionAs(role) };
}

test('a whole run with the three accounts, without reducers and with two: the same model as without a broker', async () => {
  const workshop = await openWorkshop();
  const embedded = createEmbeddedTransport();
  const models: Buffer[] = [];
  for (const [out, coordinating, working, reducers] of [
    ['roles', await transportAs('coordinator'), await transportAs('worker'), 0],
    ['reduced', await transportAs('coordinator'), await transportAs('worker'), 2],
    ['embedded', embedded, embedded, 0],
  ] as const) {
    const coordinator = await workshop.coordinator({ transport: coordinating, out, reducers });
    const workers = [
      await workshop.worker({ transport: working, worker: `${out}-1`, once: true }),
      await workshop.worker({ transport: working, worker: `${out}-2`, once: true }),
    ];
    const summing = Array.from({ length: reducers }, (_, i) => startReducer(workshop.path, `r${i}`));
    const summary = await coordinator.finished;
    expect(summary.outcome).toBe('finished');
    for (const worker of workers) await worker.finished;
    for (const { ended } of summing) {
      const { code, stderr } = await ended;
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/the reducer is done.* sums=[1-9]/);
    }
    models.push(await readFile(summary.modelPath));
  }
  const [first, ...others] = models;
  for (const other of others) expect(other.equals(first ?? Buffer.alloc(0))).toBe(true);
  await embedded.close();
  await workshop.dispose();
}, 120_000);

/** `reducer start`, as a process with the account of reducers. */
function startReducer(cwd: string, id: string): RunningProgram {
  const given = ['start', '--once', '--kernels', 'reference', '--id', id];
  return startProgram('reducer', given, { cwd, env: { ONKO_BROKER: place.url('reducer'), HOME: cwd } });
}

describe.each(['worker', 'reducer'] as const)("the %s's account is refused (403)", (role) => {
  test('in each of these attempts, and the run does not notice', async () => {
    const { boss, evil } = await stage(role);
    const answers: Record<string, number> = {};
    for (const [what, attempt] of attempts[role]) answers[what] = await codeOf(evil, attempt);
    expect(answers).toEqual(Object.fromEntries(attempts[role].map(([what]) => [what, 403])));
    const received: string[] = [];
    await boss.receive((message) => {
      received.push(message.type);
      return 'ack';
    });
    const worker = await (await transportAs('worker')).openWorker({ worker: 'w2' });
    await worker.publishResult(result('r1'));
    await vi.waitFor(() => expect(received).toEqual(['result']), 10_000);
    await boss.deleteRun();
  }, 60_000);

  test('attempts that it may make are let through: the answers above are not those of a broken connection', async () => {
    const { boss, evil } = await stage(role);
    const own = ownQueue[role];
    expect(await codeOf(evil, publishing(coordinatorsExchange, 'hello'))).toBe(200);
    expect(await codeOf(evil, publishing(coordinatorsExchange, names.inboxKey))).toBe(200);
    expect(await codeOf(evil, publishing(coordinatorsExchange, names.resultsKey))).toBe(200);
    expect(await codeOf(evil, binding(own, lobbyExchange, 'announce'))).toBe(200);
    expect(await codeOf(evil, binding(own, names.broadcastExchange, ''))).toBe(200);
    expect(await codeOf(evil, (channel) => channel.deleteQueue(own))).toBe(200);
    if (role === 'reducer') {
      expect(await codeOf(evil, binding(own, coordinatorsExchange, names.segmentsKey(12)))).toBe(200);
    } else {
      expect(await codeOf(evil, binding(own, names.weightsExchange, ''))).toBe(200);
      // To take a task and to drop it is one right in RabbitMQ. The coordinator gives out again what does not come back.
      await boss.publishTask(task('r1'));
      expect(await codeOf(evil, (channel) => channel.purgeQueue(names.tasks))).toBe(200);
    }
    await boss.deleteRun();
  });
});

test('the queue of another reducer is locked (405), though the permissions of the account fit its name', async () => {
  const { boss, evil } = await stage('reducer');
  await (await transportAs('reducer')).openReducer({ reducer: 'r1' });
  const queue = reducerInbox('r1');
  expect(await codeOf(evil, (channel) => channel.consume(queue, () => undefined))).toBe(405);
  expect(await codeOf(evil, (channel) => channel.purgeQueue(queue))).toBe(405);
  expect(await codeOf(evil, (channel) => channel.deleteQueue(queue))).toBe(405);
  expect(await codeOf(evil, (channel) => channel.bindQueue(queue, lobbyExchange, 'announce'))).toBe(405);
  await boss.deleteRun();
});

test("the queues of another worker are locked (405), though the account's permissions fit their names", async () => {
  const { boss, evil } = await stage();
  for (const queue of [workerInbox('w1'), names.weightsQueue('w1')]) {
    expect(await codeOf(evil, (channel) => channel.consume(queue, () => undefined))).toBe(405);
    expect(await codeOf(evil, (channel) => channel.get(queue))).toBe(405);
    expect(await codeOf(evil, (channel) => channel.purgeQueue(queue))).toBe(405);
    expect(await codeOf(evil, (channel) => channel.deleteQueue(queue))).toBe(405);
    expect(await codeOf(evil, (channel) => channel.assertQueue(queue, exclusive))).toBe(405);
    expect(await codeOf(evil, (channel) => channel.bindQueue(queue, lobbyExchange, 'announce'))).toBe(405);
  }
  await boss.deleteRun();
});

test("the coordinator's account is refused (403) what is the workers' and reducers'", async () => {
  const { boss } = await stage();
  const connection = await connectionAs('coordinator');
  const foreign: Attempt[] = [
    ['say hello', publishing(coordinatorsExchange, 'hello')],
    ['send as a worker', publishing(coordinatorsExchange, names.inboxKey)],
    ['consume the inbox of a worker', (channel) => channel.consume(workerInbox('w1'), () => undefined)],
    ['declare the inbox of a worker', (channel) => channel.assertQueue(workerInbox('w9'), exclusive)],
    ['declare the queue of a reducer', (channel) => channel.assertQueue(reducerInbox('r9'), exclusive)],
    ['delete the lobby', (channel) => channel.deleteExchange(lobbyExchange)],
    ['declare outside its prefix', (channel) => channel.assertQueue('mine', exclusive)],
  ];
  const answers: Record<string, number> = {};
  for (const [what, attempt] of foreign) answers[what] = await codeOf(connection, attempt);
  expect(answers).toEqual(Object.fromEntries(foreign.map(([what]) => [what, 403])));
  await boss.deleteRun();
});

test('the wrong account for a role: a sentence that says which right is missing, at once', async () => {
  const asWorker = await transportAs('worker');
  await expect(asWorker.openCoordinator({ run: 'r1', fence: 1 })).rejects.toThrow(AccessRefusedError);
  await expect(asWorker.openCoordinator({ run: 'r1', fence: 1 })).rejects.toThrow(
    /refused what this command needs: ACCESS_REFUSED - .*'onko\.run\.r1\.coordinator'.*'lab-worker'.*permissions of its role/,
  );
  const asCoordinator = await transportAs('coordinator');
  await expect(asCoordinator.openWorker({ worker: 'w1' })).rejects.toThrow(
    /'onko\.worker\.w1'.*'lab-coordinator'/,
  );
  for (const role of ['worker', 'coordinator'] as const)
    await expect((await transportAs(role)).openReducer({ reducer: 'r1' })).rejects.toThrow(
      new RegExp(`'onko\\.reducer\\.r1'.*'lab-${role}'`),
    );
});

test('observers take the account of the coordinator; that of the workers is refused', async () => {
  const { boss } = await stage();
  const observer = await openRabbitObserver({ url: place.url('coordinator'), observer: 'o1' });
  expect(await observer.hasWorker('w1')).toBe(true);
  expect(await observer.drain('w1', 'over')).toBe(true);
  await observer.close();
  await expect(openRabbitObserver({ url: place.url('worker'), observer: 'o1' })).rejects.toThrow(
    /'onko\.observer\.o1'.*'lab-worker'/,
  );
  await boss.deleteRun();
});

test('a right taken away in mid-run ends the link with that sentence, instead of trying for ever', async () => {
  await importRoles(place.broker, 'revoked');
  const url = (role: Role): string => roleUrl(place.broker.url, 'revoked', role);
  const coordinating = await createRabbitTransport({ url: url('coordinator') });
  const working = await createRabbitTransport({ url: url('worker') });
  transports.push(coordinating, working);
  await coordinating.openCoordinator({ run: 'r1', fence: 1 });
  const worker = await working.openWorker({ worker: 'w1' });
  const errors: Error[] = [];
  worker.onState((state) => {
    if (state.type === 'lost') errors.push(state.error);
  });
  const [user, vhost] = ['<<"revoked-worker">>', '<<"revoked">>'];
  await place.broker.evaluate(
    `rabbit_auth_backend_internal:set_permissions(${user}, ${vhost}, <<"^$">>, <<"^$">>, <<"^$">>, <<"test">>)`,
  );
  await expect(worker.publishResult(result('r1'))).rejects.toThrow();
  await vi.waitFor(() => expect(errors).toHaveLength(1), 10_000);
  expect(errors[0]).toBeInstanceOf(AccessRefusedError);
  expect(errors[0]?.message).toMatch(/'onko\.coordinators'/);
  await expect(worker.publishResult(result('r1'))).rejects.toThrow(AccessRefusedError);
});

test('an account is of one virtual host', async () => {
  await importRoles(place.broker, 'elsewhere');
  const url = new URL(place.url('worker'));
  url.pathname = '/elsewhere';
  await expect(createRabbitTransport({ url: url.href })).rejects.toThrow(
    /does not let user lab-worker use virtual host elsewhere/,
  );
});

test('definitions.json itself lets nobody in before a password is set', async () => {
  const json = await readFile(new URL('../../deploy/rabbitmq/definitions.json', import.meta.url), 'utf8');
  await importDefinitions(place.broker, json);
  for (const password of ['', 'guest', 'onko-worker']) {
    const url = new URL(place.broker.url);
    url.username = 'onko-worker';
    url.password = password;
    url.pathname = '/onko';
    await expect(createRabbitTransport({ url: url.href })).rejects.toThrow(BrokerError);
  }
  await place.broker.evaluate(
    'rabbit_auth_backend_internal:change_password(<<"onko-worker">>, <<"set-later">>, <<"test">>)',
  );
  const url = new URL(place.broker.url);
  url.username = 'onko-worker';
  url.password = 'set-later';
  url.pathname = '/onko';
  const transport = await createRabbitTransport({ url: url.href });
  await transport.openWorker({ worker: 'w1' });
  await transport.close();
});
