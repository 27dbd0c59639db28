import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  createRabbitTransport,
  LinkDownError,
  type LinkState,
  type Transport,
} from '../../src/transport/index.js';
import { type PrivateBroker, startPrivateBroker } from '../support/broker.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { heartbeat, offer, result, task, weights } from './samples.js';
import { gate } from './stage.js';

let broker: PrivateBroker;
const transports: Transport[] = [];

beforeAll(async () => {
  broker = await startPrivateBroker();
});

afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
});

afterAll(() => broker?.stop());

async function connect(url = broker.url, retryForMs = 120_000): Promise<Transport> {
  const transport = await createRabbitTransport({ url, retryForMs, connectTimeoutMs: 5_000 });
  transports.push(transport);
  return transport;
}

function startProxy(): Promise<TcpProxy> {
  const { port, hostname } = new URL(broker.url);
  return startTcpProxy(Number(port), hostname);
}

function eventually(condition: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(condition, { timeout: 60_000, interval: 20 });
}

/** Sends until the broker has confirmed, as a caller who does not want to lose anything would. */
async function insist(send: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await send();
      return;
    } catch (error) {
      if (!(error instanceof LinkDownError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * A run in full traffic: a coordinator publishes tasks, two workers answer with results. Ends when every task that was
 * confirmed has a result. `sendsAgain`: it publishes what is open once more when it is back, as coordinators do.
 */
async function traffic(
  run: string,
  connections: () => Promise<Transport>,
  disturb: () => Promise<void>,
  sendsAgain = false,
): Promise<void> {
  const boss = await (await connections()).openCoordinator({ run, fence: 1 });
  const states: string[] = [];
  boss.onState((state) => states.push(state.type));
  const done = new Set<number>();
  await boss.receive((message) => {
    if (message.type === 'result') done.add(message.step);
    return 'ack';
  });
  for (const worker of [`${run}-w1`, `${run}-w2`]) {
    const link = await (await connections()).openWorker({ worker });
    await link.joinRun(run, {
      prefetch: 2,
      task: async (one) => {
        const gradient = new Uint8Array(240_000);
        try {
          await link.publishResult(result(run, { step: one.step, worker, gradient }));
          return 'ack';
        } catch (error) {
          if (error instanceof LinkDownError) return 'requeue';
          throw error;
        }
      },
      weights: () => undefined,
    });
  }
  // The traffic lasts until the disturbance is over: a broker in a container takes seconds to do as it is told.
  const disturbance = { over: false };
  const disturbed = disturb().finally(() => {
    disturbance.over = true;
  });
  let tasks = 0;
  for (; tasks < 300 || !disturbance.over; tasks++) {
    await insist(() => boss.publishTask(task(run, { step: tasks })));
    if (tasks % 10 === 0 || tasks >= 300) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await disturbed;
  await eventually(() => expect(states.at(-1)).toBe('up'));
  if (sendsAgain) {
    for (let step = 0; step < tasks; step++)
      if (!done.has(step)) await insist(() => boss.publishTask(task(run, { step })));
  }
  await eventually(() => expect(done.size).toBe(tasks));
  expect(states).toContain('down');
  await boss.deleteRun();
}

function later(ms: number, what: () => Promise<unknown>): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms)).then(async () => void (await what()));
}

test('connections closed by the broker in mid-traffic: nothing confirmed is lost', async () => {
  const closeAll =
    '[rabbit_networking:close_connection(P, <<"test">>) || P <- rabbit_networking:connections()]';
  await traffic('closed', connect, async () => {
    for (let i = 0; i < 3; i++) await later(300, () => broker.evaluate(closeAll));
  });
}, 120_000);

test('the broker restarted in mid-traffic: what was open is sent again, and all is done', async () => {
  await traffic('restarted', connect, () => later(200, () => broker.restart(500)), true);
}, 180_000);

test('connections cut in mid-traffic: nothing confirmed is lost', async () => {
  const proxy = await startProxy();
  const url = `amqp://127.0.0.1:${proxy.port}`;
  await traffic(
    'cut',
    () => connect(url),
    async () => {
      for (let i = 0; i < 3; i++) {
        await later(200, async () => proxy.cut());
        await later(300, async () => proxy.restore());
      }
    },
  );
  for (const transport of transports.splice(0)) await transport.close();
  await proxy.close();
}, 120_000);

test('after an outage a worker is in its run again, weights and inbox included', async () => {
  const proxy = await startProxy();
  const boss = await (await connect()).openCoordinator({ run: 'again', fence: 1 });
  const worker = await (await connect(`amqp://127.0.0.1:${proxy.port}`)).openWorker({ worker: 'again-w1' });
  const seen: string[] = [];
  const states: LinkState['type'][] = [];
  worker.onState((state) => states.push(state.type));
  await worker.receive((message) => void seen.push(message.type));
  await worker.joinRun('again', {
    prefetch: 1,
    task: async (one) => {
      seen.push(`task ${one.step}`);
      return 'ack';
    },
    weights: (one) => void seen.push(`weights ${one.version}`),
  });
  await boss.publishTask(task('again', { step: 1 }));
  await eventually(() => expect(seen).toEqual(['task 1']));
  proxy.cut();
  await eventually(() => expect(states).toEqual(['down']));
  await expect(worker.send('again', heartbeat('again', 'again-w1'))).rejects.toThrow(LinkDownError);
  await boss.publishTask(task('again', { step: 2 }));
  proxy.restore();
  await eventually(() => expect(states).toEqual(['down', 'up']));
  await eventually(() => expect(seen).toEqual(['task 1', 'task 2']));
  await boss.broadcastWeights(weights('again', 7));
  await eventually(() => expect(seen).toEqual(['task 1', 'task 2', 'weights 7']));
  await boss.send('again-w1', offer('again'));
  await boss.broadcast({ type: 'end_of_run', run: 'again', fence: 1, outcome: 'finished', reason: '' });
  await eventually(() => expect(seen.slice(3)).toEqual(['offer', 'end_of_run']));
  await boss.deleteRun();
  await worker.close();
  await proxy.close();
}, 60_000);

test('a run that ended while the worker was away is told when it is back', async () => {
  const proxy = await startProxy();
  const boss = await (await connect()).openCoordinator({ run: 'ended', fence: 1 });
  const worker = await (await connect(`amqp://127.0.0.1:${proxy.port}`)).openWorker({ worker: 'ended-w1' });
  const states: string[] = [];
  worker.onState((state) => states.push(state.type));
  await worker.joinRun('ended', { prefetch: 1, task: async () => 'ack', weights: () => undefined });
  proxy.cut();
  await eventually(() => expect(states).toEqual(['down']));
  await boss.deleteRun();
  proxy.restore();
  await eventually(() => expect(states.toSorted()).toEqual(['down', 'run_gone', 'up']));
  await worker.close();
  await proxy.close();
}, 60_000);

test('a verdict for a task from before the outage is dropped', async () => {
  const proxy = await startProxy();
  const boss = await (await connect()).openCoordinator({ run: 'late', fence: 1 });
  const worker = await (await connect(`amqp://127.0.0.1:${proxy.port}`)).openWorker({ worker: 'late-w1' });
  const answers: (() => void)[] = [];
  await worker.joinRun('late', {
    prefetch: 1,
    task: () => new Promise((resolve) => answers.push(() => resolve('ack'))),
    weights: () => undefined,
  });
  await boss.publishTask(task('late'));
  await eventually(() => expect(answers.length).toBe(1));
  proxy.cut();
  proxy.restore();
  await eventually(() => expect(answers.length).toBe(2));
  answers[0]?.();
  // Were it taken for an ack of the second delivery, this one would come now.
  await boss.publishTask(task('late'));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(answers.length).toBe(2);
  answers[1]?.();
  await eventually(() => expect(answers.length).toBe(3));
  answers[2]?.();
  await boss.deleteRun();
  await worker.close();
  await proxy.close();
}, 60_000);

test('gives up after `retryForMs`, and says so to everybody', async () => {
  const proxy = await startProxy();
  const worker = await (await connect(`amqp://127.0.0.1:${proxy.port}`, 300)).openWorker({
    worker: 'lost-w1',
  });
  const states: string[] = [];
  worker.onState((state) => states.push(state.type === 'lost' ? state.error.message : state.type));
  await proxy.close();
  await eventually(() => expect(states.at(-1)).toMatch(/^Gave up on RabbitMQ after .*Nothing listens/));
  await expect(worker.send('r', heartbeat('r', 'lost-w1'))).rejects.toThrow(/Gave up/);
  await worker.close();
}, 60_000);

test('a broker short of memory: sends wait, nobody is thrown out, and all goes on afterwards', async () => {
  const boss = await (await connect()).openCoordinator({ run: 'blocked', fence: 1 });
  const states: string[] = [];
  boss.onState((state) => states.push(state.type));
  await broker.evaluate('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})');
  let confirmed = false;
  const sending = async (): Promise<void> => {
    await boss.publishTask(task('blocked'));
    confirmed = true;
  };
  const sent = sending();
  await eventually(() => expect(states).toEqual(['blocked']));
  expect(confirmed).toBe(false);
  await broker.evaluate('rabbit_alarm:clear_alarm({resource_limit, memory, node()})');
  await sent;
  await eventually(() => expect(states).toEqual(['blocked', 'unblocked']));
  await boss.deleteRun();
}, 60_000);

test('messages beyond 8 MiB travel in parts, in both directions', async () => {
  const parameterCount = 5_500_000;
  const bytes = new Uint8Array(4 * parameterCount).map((_, i) => i % 251);
  const boss = await (await connect()).openCoordinator({ run: 'large', fence: 1 });
  const worker = await (await connect()).openWorker({ worker: 'large-w1' });
  const gradients: Uint8Array[] = [];
  await boss.receive((message) => {
    if (message.type === 'result') gradients.push(message.gradient);
    return 'ack';
  });
  const received: { version: number; parameters: Uint8Array }[] = [];
  const busy = gate();
  const offered = gate();
  await worker.receive((message) => {
    if (message.type === 'offer') offered.open();
  });
  // How large the weights are, and so how many parts the queue must hold, is known from the offer.
  await boss.send('large-w1', offer('large', { parameterCount }));
  await offered.opened;
  await worker.joinRun('large', {
    prefetch: 1,
    task: async () => 'ack',
    weights: async (one) => {
      received.push(one);
      await busy.opened;
    },
  });
  await boss.broadcastWeights(weights('large', 0, bytes));
  await eventually(() => expect(received.map((one) => one.version)).toEqual([0]));
  for (let version = 1; version < 4; version++) await boss.broadcastWeights(weights('large', version, bytes));
  busy.open();
  await eventually(() => expect(received.map((one) => one.version)).toEqual([0, 3]));
  expect(Buffer.compare(received[1]?.parameters ?? new Uint8Array(0), bytes)).toBe(0);
  await Promise.all([1, 2].map((step) => worker.publishResult(result('large', { step, gradient: bytes }))));
  await eventually(() => expect(gradients.length).toBe(2));
  expect(gradients.every((one) => Buffer.compare(one, bytes) === 0)).toBe(true);
  await boss.deleteRun();
}, 60_000);
