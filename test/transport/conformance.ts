import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Task, ToCoordinator, ToWorker } from '../../src/protocol/index.js';
import {
  BrokerError,
  type CoordinatorLink,
  LinkDownError,
  RunGoneError,
  RunTakenError,
  type Transport,
  type Verdict,
  type WorkerLink,
} from '../../src/transport/index.js';
import { blockRequest, heartbeat, hello, offer, ready, result, task, weights } from './samples.js';

/** A broker for one test. */
export interface ConformanceBroker {
  /** One more party at this broker. */
  connect(): Promise<Transport>;
  /** A party that can be killed: no goodbye, no closing handshake, no coming back. */
  connectVictim(): Promise<{ transport: Transport; kill: () => Promise<void> }>;
  /** What is left of a run on the broker: names of queues and exchanges. */
  leftovers(run: string, workers: string[]): Promise<string[]>;
  dispose(): Promise<void>;
}

/** Resolves when the condition holds; fails with the condition's last error. */
function eventually(condition: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(condition, { timeout: 20_000, interval: 10 });
}

interface Held {
  task: Task;
  redelivered: boolean;
  answer: (verdict: Verdict) => void;
}

/** A worker that keeps every task until the test answers it. */
async function joinHolding(link: WorkerLink, run: string, prefetch: number): Promise<Held[]> {
  const held: Held[] = [];
  await link.joinRun(run, {
    prefetch,
    task: (one, { redelivered }) =>
      new Promise<Verdict>((answer) => held.push({ task: one, redelivered, answer })),
    weights: () => undefined,
  });
  return held;
}

/** A worker that acks every task at once. */
async function joinTaking(link: WorkerLink, run: string): Promise<number[]> {
  const taken: number[] = [];
  await link.joinRun(run, {
    prefetch: 1,
    task: async (one) => {
      taken.push(one.step);
      return 'ack';
    },
    weights: () => undefined,
  });
  return taken;
}

/** Everything a coordinator receives, acked. */
async function collect(link: CoordinatorLink): Promise<ToCoordinator[]> {
  const messages: ToCoordinator[] = [];
  await link.receive((message) => {
    messages.push(message);
    return 'ack';
  });
  return messages;
}

async function collectInbox(link: WorkerLink): Promise<ToWorker[]> {
  const messages: ToWorker[] = [];
  await link.receive((message) => void messages.push(message));
  return messages;
}

/** What every transport must do. */
export function transportConformance(name: string, start: () => Promise<ConformanceBroker>): void {
  describe(`${name} transport`, () => {
    const run = 'r1';
    let broker: ConformanceBroker;
    let transports: Transport[];

    beforeEach(async () => {
      broker = await start();
      transports = [];
    });

    afterEach(async () => {
      for (const transport of transports) await transport.close();
      await broker.dispose();
    });

    async function connect(): Promise<Transport> {
      const transport = await broker.connect();
      transports.push(transport);
      return transport;
    }

    async function coordinator(of = run): Promise<CoordinatorLink> {
      return (await connect()).openCoordinator({ run: of, fence: 1 });
    }

    async function worker(worker: string): Promise<WorkerLink> {
      return (await connect()).openWorker({ worker });
    }

    test('workers compete for tasks, and each task is done once', async () => {
      const boss = await coordinator();
      const taken = [];
      for (const id of ['w1', 'w2', 'w3']) taken.push(await joinTaking(await worker(id), run));
      for (let step = 0; step < 30; step++) await boss.publishTask(task(run, { step }));
      const all = () => taken.flat().toSorted((a, b) => a - b);
      await eventually(() => expect(all()).toEqual(Array.from({ length: 30 }, (_, i) => i)));
      expect(taken.every((one) => one.length > 0)).toBe(true);
    });

    test('a task arrives as it was sent', async () => {
      const boss = await coordinator();
      const held = await joinHolding(await worker('w1'), run, 1);
      const sent = task(run, {
        step: 5,
        node: 9,
        mode: 'evaluate',
        pass: 2,
        samples: Uint32Array.of(4_000_000_000, 0),
      });
      await boss.publishTask(sent);
      await eventually(() => expect(held[0]?.task).toEqual(sent));
      expect(held[0]?.redelivered).toBe(false);
    });

    test('a worker has at most `prefetch` tasks in hand', async () => {
      const boss = await coordinator();
      const held = await joinHolding(await worker('w1'), run, 2);
      for (let step = 0; step < 5; step++) await boss.publishTask(task(run, { step }));
      await eventually(() => expect(held.length).toBe(2));
      // Whoever comes later gets the third one: it was not given away beyond the prefetch.
      const others = await joinHolding(await worker('w2'), run, 1);
      await eventually(() => expect(others.map((one) => one.task.step)).toEqual([2]));
      expect(held.map((one) => one.task.step)).toEqual([0, 1]);
      held[0]?.answer('ack');
      await eventually(() => expect(held.map((one) => one.task.step)).toEqual([0, 1, 3]));
    });

    test('a task is acked when its promise resolves, not before', async () => {
      const boss = await coordinator();
      const first = await worker('w1');
      const held = await joinHolding(first, run, 2);
      await boss.publishTask(task(run, { step: 0 }));
      await boss.publishTask(task(run, { step: 1 }));
      await eventually(() => expect(held.length).toBe(2));
      held[0]?.answer('ack');
      // The third one comes when the ack of the first has arrived.
      await boss.publishTask(task(run, { step: 2 }));
      await eventually(() => expect(held.length).toBe(3));
      await first.close();
      const others = await joinHolding(await worker('w2'), run, 5);
      await eventually(() => expect(others.map((one) => one.task.step)).toEqual([1, 2]));
      expect(others.every((one) => one.redelivered)).toBe(true);
      // Too late, and harmless: the task has gone back already.
      held[1]?.answer('ack');
    });

    test('a task comes again after `requeue` and after a rejected promise, not after `discard`', async () => {
      const boss = await coordinator();
      const seen: string[] = [];
      await (await worker('w1')).joinRun(run, {
        prefetch: 1,
        task: async (one, { redelivered }) => {
          seen.push(`${one.step}${redelivered ? ' again' : ''}`);
          if (one.step === 0 && !redelivered) return 'requeue';
          if (one.step === 1 && !redelivered) throw new Error('cannot');
          return one.step === 2 ? 'discard' : 'ack';
        },
        weights: () => undefined,
      });
      for (let step = 0; step < 4; step++) await boss.publishTask(task(run, { step }));
      await eventually(() => expect(seen).toEqual(['0', '0 again', '1', '1 again', '2', '3']));
    });

    test('the tasks of a killed worker go to the others', async () => {
      const boss = await coordinator();
      const victim = await broker.connectVictim();
      const held = await joinHolding(await victim.transport.openWorker({ worker: 'w1' }), run, 2);
      await boss.publishTask(task(run, { step: 0 }));
      await boss.publishTask(task(run, { step: 1 }));
      await eventually(() => expect(held.length).toBe(2));
      const others = await joinTaking(await worker('w2'), run);
      await victim.kill();
      await eventually(() => expect(others).toEqual([0, 1]));
    });

    test('a paused worker gets nothing new, and can finish what it has', async () => {
      const boss = await coordinator();
      const first = await worker('w1');
      const held = await joinHolding(first, run, 2);
      for (let step = 0; step < 4; step++) await boss.publishTask(task(run, { step }));
      await eventually(() => expect(held.length).toBe(2));
      await first.pauseTasks();
      held[0]?.answer('ack');
      held[1]?.answer('requeue');
      const others = await joinTaking(await worker('w2'), run);
      await eventually(() => expect(others).toEqual([1, 2, 3]));
      expect(held.length).toBe(2);
      // It still belongs to the run.
      await boss.publishTask(task(run, { step: 4 }));
      await eventually(() => expect(others).toEqual([1, 2, 3, 4]));
    });

    test('leaving a run gives its tasks back; joining again takes them', async () => {
      const boss = await coordinator();
      const link = await worker('w1');
      const held = await joinHolding(link, run, 1);
      await boss.publishTask(task(run));
      await eventually(() => expect(held.length).toBe(1));
      await link.leaveRun();
      const again = await joinHolding(link, run, 1);
      await eventually(() => expect(again[0]?.redelivered).toBe(true));
    });

    test('purged tasks are gone, those in hand are not', async () => {
      const boss = await coordinator();
      const held = await joinHolding(await worker('w1'), run, 1);
      for (let step = 0; step < 3; step++) await boss.publishTask(task(run, { step }));
      await eventually(() => expect(held.length).toBe(1));
      await boss.purgeTasks();
      await boss.publishTask(task(run, { step: 3 }));
      held[0]?.answer('ack');
      await eventually(() => expect(held.map((one) => one.task.step)).toEqual([0, 3]));
    });

    test('a quarantined task is kept away from workers', async () => {
      const boss = await coordinator();
      const taken = await joinTaking(await worker('w1'), run);
      await boss.quarantineTask(task(run, { step: 1 }), 'nobody can compute it');
      await boss.publishTask(task(run, { step: 2 }));
      await eventually(() => expect(taken).toEqual([2]));
    });

    test('weights reach every worker; one that is slow gets only the newest', async () => {
      const boss = await coordinator();
      const fast: number[] = [];
      await (await worker('fast')).joinRun(run, {
        prefetch: 1,
        task: async () => 'ack',
        weights: (one) => void fast.push(one.version),
      });
      const slow: number[] = [];
      let carryOn: () => void = () => undefined;
      const busy = new Promise<void>((resolve) => {
        carryOn = resolve;
      });
      await (await worker('slow')).joinRun(run, {
        prefetch: 1,
        task: async () => 'ack',
        weights: async (one) => {
          slow.push(one.version);
          await busy;
        },
      });
      for (let version = 0; version < 12; version++) {
        await boss.broadcastWeights(weights(run, version));
        await eventually(() => expect(fast).toContain(version));
        await eventually(() => expect(slow).toEqual([0]));
      }
      carryOn();
      await eventually(() => expect(slow).toEqual([0, 11]));
      await boss.broadcastWeights(weights(run, 12));
      await eventually(() => expect(slow).toEqual([0, 11, 12]));
      expect(fast).toEqual(Array.from({ length: 13 }, (_, i) => i));
    });

    test('weights can go to one worker alone', async () => {
      const boss = await coordinator();
      const got: string[] = [];
      for (const id of ['w1', 'w2']) {
        const link = await worker(id);
        await link.receive(() => undefined);
        await link.joinRun(run, {
          prefetch: 1,
          task: async () => 'ack',
          weights: (one) => void got.push(`${id}: ${one.version} ${[...one.parameters].join()}`),
        });
      }
      await boss.send('w2', weights(run, 3, Uint8Array.of(1, 2, 3, 4)));
      await boss.send('w2', weights('another-run', 4));
      await boss.broadcastWeights(weights(run, 5, new Uint8Array(0)));
      await eventually(() => expect(got.toSorted()).toEqual(['w1: 5 ', 'w2: 3 1,2,3,4', 'w2: 5 ']));
    });

    test('announce, hello, offer, ready: how a worker finds a run', async () => {
      const link = await worker('w1');
      const boss = await coordinator();
      const messages = await collect(boss);
      await link.receive((message) => {
        if (message.type === 'announce') void link.hello(hello('w1'));
        if (message.type === 'offer') {
          void joinTaking(link, message.run).then(() => link.send(message.run, ready(message.run, 'w1')));
        }
      });
      await boss.announce();
      await eventually(() => expect(messages).toEqual([hello('w1')]));
      await boss.send('w1', offer(run));
      await eventually(() => expect(messages).toEqual([hello('w1'), ready(run, 'w1')]));
    });

    test('every coordinator hears a hello; only its own hears the rest', async () => {
      const first = await collect(await coordinator('run-a'));
      const second = await collect(await coordinator('run-b'));
      const link = await worker('w1');
      await link.hello(hello('w1'));
      await link.send('run-a', heartbeat('run-a', 'w1', 8));
      await link.send('run-b', { type: 'goodbye', run: 'run-b', worker: 'w1', reason: 'over' });
      await eventually(() => expect(first).toEqual([hello('w1'), heartbeat('run-a', 'w1', 8)]));
      await eventually(() =>
        expect(second).toEqual([
          hello('w1'),
          { type: 'goodbye', run: 'run-b', worker: 'w1', reason: 'over' },
        ]),
      );
    });

    test('a data block on request', async () => {
      const boss = await coordinator();
      const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
      await boss.receive(async (message) => {
        if (message.type === 'block_request') {
          const { block, hash } = message;
          await boss.send(message.worker, { type: 'block_response', run, block, hash, bytes, error: '' });
        }
        return 'ack';
      });
      const link = await worker('w1');
      const inbox = await collectInbox(link);
      await link.send(run, blockRequest(run, 'w1'));
      await eventually(() => expect(inbox.length).toBe(1));
      const [response] = inbox;
      if (response?.type !== 'block_response') throw new Error('Expected a block.');
      expect(response.block).toBe(2);
      expect(Buffer.compare(response.bytes, bytes)).toBe(0);
    });

    test('a result arrives as it was sent', async () => {
      const messages = await collect(await coordinator());
      const link = await worker('w1');
      const values = Float32Array.from({ length: 62_006 }, (_, i) => i / 3);
      const gradient = new Uint8Array(values.buffer);
      const sent = result(run, { gradient, lossSum: Number.NaN, confusion: Uint32Array.of(1, 0, 0, 2) });
      await link.publishResult(sent);
      await eventually(() => expect(messages.length).toBe(1));
      const [received] = messages;
      if (received?.type !== 'result') throw new Error('Expected a result.');
      expect(Buffer.compare(received.gradient, gradient)).toBe(0);
      expect({ ...received, gradient: null }).toEqual({ ...sent, gradient: null });
    });

    test('a result that its coordinator gives back comes again', async () => {
      const boss = await coordinator();
      const seen: boolean[] = [];
      await boss.receive((_message, { redelivered }) => {
        seen.push(redelivered);
        return redelivered ? 'ack' : 'requeue';
      });
      await (await worker('w1')).publishResult(result(run));
      await eventually(() => expect(seen).toEqual([false, true]));
    });

    test('a broadcast reaches the workers that have joined, and no others', async () => {
      const boss = await coordinator();
      const inboxes: ToWorker[][] = [];
      const links: WorkerLink[] = [];
      for (const id of ['w1', 'w2', 'w3']) {
        const link = await worker(id);
        links.push(link);
        inboxes.push(await collectInbox(link));
        if (id !== 'w3') await joinTaking(link, run);
      }
      await links[1]?.leaveRun();
      await boss.broadcast({ type: 'end_of_run', run, fence: 1, outcome: 'finished', reason: '' });
      for (const id of ['w1', 'w2', 'w3']) await boss.send(id, { type: 'drain', run, worker: id });
      await eventually(() => expect(inboxes.every((inbox) => inbox.at(-1)?.type === 'drain')).toBe(true));
      expect(inboxes.map((inbox) => inbox.length)).toEqual([2, 1, 1]);
    });

    test('two runs at once do not see one another', async () => {
      const bosses = [await coordinator('run-a'), await coordinator('run-b')];
      const received = await Promise.all(bosses.map(collect));
      const workers = [await worker('w1'), await worker('w2')];
      const taken: string[][] = [[], []];
      for (const [i, link] of workers.entries()) {
        await link.joinRun(i === 0 ? 'run-a' : 'run-b', {
          prefetch: 4,
          task: async (one) => {
            taken[i]?.push(`task of ${one.run}`);
            await link.publishResult(result(one.run));
            return 'ack';
          },
          weights: (one) => void taken[i]?.push(`weights of ${one.run}`),
        });
      }
      await bosses[0]?.broadcastWeights(weights('run-a', 1));
      await bosses[1]?.broadcastWeights(weights('run-b', 1));
      for (let i = 0; i < 6; i++) {
        await bosses[0]?.publishTask(task('run-a'));
        await bosses[1]?.publishTask(task('run-b'));
      }
      await eventually(() => expect(received.map((one) => one.length)).toEqual([6, 6]));
      await eventually(() => expect(taken.map((one) => one.length)).toEqual([7, 7]));
      expect(taken[0]?.every((one) => one.endsWith('run-a'))).toBe(true);
      expect(taken[1]?.every((one) => one.endsWith('run-b'))).toBe(true);
      await bosses[0]?.deleteRun();
      await bosses[1]?.publishTask(task('run-b'));
      await eventually(() => expect(received.map((one) => one.length)).toEqual([6, 7]));
    });

    test('a run has one coordinator; the next one finds the results that nobody took', async () => {
      const first = await coordinator();
      await expect(coordinator()).rejects.toThrow(RunTakenError);
      await (await worker('w1')).publishResult(result(run, { step: 3 }));
      await first.close();
      const messages = await collect(await coordinator());
      await eventually(() => expect(messages).toEqual([result(run, { step: 3 })].map(asReceived)));
    });

    test('a worker has its name for itself', async () => {
      const first = await worker('w1');
      await expect(worker('w1')).rejects.toThrow(BrokerError);
      await first.close();
      await worker('w1');
    });

    test('a deleted run leaves nothing, and its workers hear of it', async () => {
      const boss = await coordinator();
      const messages = await collect(boss);
      const link = await worker('w1');
      const states: string[] = [];
      link.onState((state) =>
        states.push(state.type === 'run_gone' ? `${state.type} ${state.run}` : state.type),
      );
      const held = await joinHolding(link, run, 1);
      await boss.publishTask(task(run));
      await boss.publishTask(task(run));
      await boss.quarantineTask(task(run), 'bad');
      await link.publishResult(result(run));
      await eventually(() => expect([held.length, messages.length]).toEqual([1, 1]));
      await boss.deleteRun();
      await eventually(() => expect(states).toEqual([`run_gone ${run}`]));
      await boss.close();
      await eventually(async () => expect(await broker.leftovers(run, ['w1'])).toEqual([]));
      held[0]?.answer('ack');
      await expect(link.publishResult(result(run))).rejects.toThrow(RunGoneError);
      await expect(link.send(run, ready(run, 'w1'))).rejects.toThrow(RunGoneError);
      await expect(joinTaking(link, run)).rejects.toThrow(RunGoneError);
      // The name is free for another run.
      const next = await coordinator();
      const taken = await joinTaking(link, run);
      await next.publishTask(task(run, { step: 9 }));
      await eventually(() => expect(taken).toEqual([9]));
    });

    test('while its coordinator is away a worker hears so, and its results wait', async () => {
      const first = await coordinator();
      const link = await worker('w1');
      await joinTaking(link, run);
      await first.close();
      await expect(link.send(run, heartbeat(run, 'w1'))).rejects.toThrow(RunGoneError);
      await link.publishResult(result(run));
      const messages = await collect(await coordinator());
      await eventually(() => expect(messages.map((one) => one.type)).toEqual(['result']));
      await link.send(run, heartbeat(run, 'w1'));
      await eventually(() => expect(messages.map((one) => one.type)).toEqual(['result', 'heartbeat']));
    });

    test('a worker that is not there costs the sender nothing', async () => {
      const boss = await coordinator();
      await boss.send('nobody', offer(run));
      await boss.broadcastWeights(weights(run, 0));
      await boss.announce();
    });

    test('a closed link refuses to send, and can be closed again', async () => {
      const boss = await coordinator();
      const link = await worker('w1');
      await boss.close();
      await link.close();
      await expect(boss.publishTask(task(run))).rejects.toThrow(LinkDownError);
      await expect(link.hello(hello('w1'))).rejects.toThrow(LinkDownError);
      await expect(joinTaking(link, run)).rejects.toThrow(LinkDownError);
      await boss.close();
      await link.close();
    });

    test('traffic is told in both directions', async () => {
      const boss = await coordinator();
      const traffic: string[] = [];
      boss.onTraffic(({ direction, type }) => traffic.push(`${direction} ${type}`));
      await collect(boss);
      await boss.publishTask(task(run));
      await (await worker('w1')).hello(hello('w1'));
      await eventually(() => expect(traffic).toEqual(['out task', 'in hello']));
    });
  });
}

/** Tensors arrive as whatever kind of bytes the transport has. */
function asReceived(message: ToCoordinator): ToCoordinator {
  return message.type === 'result' ? { ...message, gradient: expect.any(Uint8Array) } : message;
}
