import { expect, test } from 'vitest';
import type { ToWorker } from '../../src/protocol/index.js';
import type { Verdict, WorkerLink } from '../../src/transport/index.js';
import { blockRequest, heartbeat, hello, offer, ready, result, weights } from './samples.js';
import { collect, collectInbox, eventually, gate, joinTaking, run, type Stage } from './stage.js';

/** Weights, inboxes and results. */
export function messageConformance(stage: Stage): void {
  test('weights reach every worker; one that is slow gets only the newest', async () => {
    const boss = await stage.coordinator();
    const fast: number[] = [];
    await (await stage.worker('fast')).joinRun(run, {
      prefetch: 1,
      task: async () => 'ack',
      weights: (one) => void fast.push(one.version),
    });
    const slow: number[] = [];
    const busy = gate();
    await (await stage.worker('slow')).joinRun(run, {
      prefetch: 1,
      task: async () => 'ack',
      weights: async (one) => {
        slow.push(one.version);
        await busy.opened;
      },
    });
    for (let version = 0; version < 12; version++) {
      await boss.broadcastWeights(weights(run, version));
      await eventually(() => expect(fast).toContain(version));
      await eventually(() => expect(slow).toEqual([0]));
    }
    busy.open();
    await eventually(() => expect(slow).toEqual([0, 11]));
    await boss.broadcastWeights(weights(run, 12));
    await eventually(() => expect(slow).toEqual([0, 11, 12]));
    await eventually(() => expect(fast).toEqual(Array.from({ length: 13 }, (_, i) => i)));
  });

  test('a slow worker that may need earlier weights, too, gets so many of the newest', async () => {
    const boss = await stage.coordinator();
    const [slow, fast]: number[][] = [[], []];
    const busy = gate();
    await (await stage.worker('slow')).joinRun(run, {
      prefetch: 1,
      weightsKept: 3,
      task: async () => 'ack',
      weights: async (one) => {
        slow.push(one.version);
        await busy.opened;
      },
    });
    await (await stage.worker('fast')).joinRun(run, {
      prefetch: 1,
      task: async () => 'ack',
      weights: (one) => void fast.push(one.version),
    });
    for (let version = 0; version < 8; version++) {
      await boss.broadcastWeights(weights(run, version));
      await eventually(() => expect(fast).toContain(version));
      await eventually(() => expect(slow).toEqual([0]));
    }
    busy.open();
    await eventually(() => expect(slow).toEqual([0, 5, 6, 7]));
  });

  test('weights can go to one worker alone', async () => {
    const boss = await stage.coordinator();
    const got: string[] = [];
    for (const id of ['w1', 'w2']) {
      const link = await stage.worker(id);
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
    const link = await stage.worker('w1');
    const boss = await stage.coordinator();
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
    const first = await collect(await stage.coordinator('run-a'));
    const second = await collect(await stage.coordinator('run-b'));
    const link = await stage.worker('w1');
    await link.hello(hello('w1'));
    await link.send('run-a', heartbeat('run-a', 'w1', 8));
    await link.send('run-b', { type: 'goodbye', run: 'run-b', worker: 'w1', reason: 'over' });
    await eventually(() => expect(first).toEqual([hello('w1'), heartbeat('run-a', 'w1', 8)]));
    await eventually(() =>
      expect(second).toEqual([hello('w1'), { type: 'goodbye', run: 'run-b', worker: 'w1', reason: 'over' }]),
    );
  });

  test('a data block on request', async () => {
    const boss = await stage.coordinator();
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    await boss.receive(async (message): Promise<Verdict> => {
      if (message.type === 'block_request') {
        const { block, hash } = message;
        await boss.send(message.worker, { type: 'block_response', run, block, hash, bytes, error: '' });
      }
      return 'ack';
    });
    const link = await stage.worker('w1');
    const inbox = await collectInbox(link);
    await link.send(run, blockRequest(run, 'w1'));
    await eventually(() => expect(inbox.length).toBe(1));
    const [response] = inbox;
    if (response?.type !== 'block_response') throw new Error('Expected a block.');
    expect(response.block).toBe(2);
    expect(Buffer.compare(response.bytes, bytes)).toBe(0);
  });

  test('a result arrives as it was sent', async () => {
    const messages = await collect(await stage.coordinator());
    const link = await stage.worker('w1');
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
    const boss = await stage.coordinator();
    const seen: boolean[] = [];
    await boss.receive((_message, { redelivered }) => {
      seen.push(redelivered);
      return redelivered ? 'ack' : 'requeue';
    });
    await (await stage.worker('w1')).publishResult(result(run));
    await eventually(() => expect(seen).toEqual([false, true]));
  });

  test('a broadcast reaches the workers that have joined, and no others', async () => {
    const boss = await stage.coordinator();
    const inboxes: ToWorker[][] = [];
    const links: WorkerLink[] = [];
    for (const id of ['w1', 'w2', 'w3']) {
      const link = await stage.worker(id);
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
}
