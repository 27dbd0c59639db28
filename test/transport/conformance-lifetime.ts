import { expect, test } from 'vitest';
import { BrokerError, LinkDownError, RunGoneError, RunTakenError } from '../../src/transport/index.js';
import { heartbeat, hello, offer, ready, result, task, weights } from './samples.js';
import { collect, eventually, joinHolding, joinTaking, run, type Stage } from './stage.js';

/** Runs and links: two at once, the second one, the end. */
export function lifetimeConformance(stage: Stage): void {
  test('two runs at once do not see one another', async () => {
    const bosses = [await stage.coordinator('run-a'), await stage.coordinator('run-b')];
    const received = await Promise.all(bosses.map(collect));
    const workers = [await stage.worker('w1'), await stage.worker('w2')];
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
    const first = await stage.coordinator();
    await expect(stage.coordinator()).rejects.toThrow(RunTakenError);
    await (await stage.worker('w1')).publishResult(result(run, { step: 3 }));
    await first.close();
    const messages = await collect(await stage.coordinator());
    await eventually(() => expect(messages).toMatchObject([{ type: 'result', step: 3 }]));
  });

  test('a worker has its name for itself', async () => {
    const first = await stage.worker('w1');
    await expect(stage.worker('w1')).rejects.toThrow(BrokerError);
    await first.close();
    await stage.worker('w1');
  });

  test('a deleted run leaves nothing, and its workers hear of it', async () => {
    const boss = await stage.coordinator();
    const messages = await collect(boss);
    const link = await stage.worker('w1');
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
    await eventually(async () => expect(await stage.broker().leftovers(run, ['w1'])).toEqual([]));
    held[0]?.answer('ack');
    await expect(link.publishResult(result(run))).rejects.toThrow(RunGoneError);
    await expect(link.send(run, ready(run, 'w1'))).rejects.toThrow(RunGoneError);
    await expect(joinTaking(link, run)).rejects.toThrow(RunGoneError);
    // The name is free for another run.
    const next = await stage.coordinator();
    const taken = await joinTaking(link, run);
    await next.publishTask(task(run, { step: 9 }));
    await eventually(() => expect(taken).toEqual([9]));
  });

  test('while its coordinator is away a worker hears so, and its results wait', async () => {
    const first = await stage.coordinator();
    const link = await stage.worker('w1');
    await joinTaking(link, run);
    await first.close();
    await expect(link.send(run, heartbeat(run, 'w1'))).rejects.toThrow(RunGoneError);
    await link.publishResult(result(run));
    const messages = await collect(await stage.coordinator());
    await eventually(() => expect(messages.map((one) => one.type)).toEqual(['result']));
    await link.send(run, heartbeat(run, 'w1'));
    await eventually(() => expect(messages.map((one) => one.type)).toEqual(['result', 'heartbeat']));
  });

  test('a worker that is not there costs the sender nothing', async () => {
    const boss = await stage.coordinator();
    await boss.send('nobody', offer(run));
    await boss.broadcastWeights(weights(run, 0));
    await boss.announce();
  });

  test('a closed link refuses to send, and can be closed again', async () => {
    const boss = await stage.coordinator();
    const link = await stage.worker('w1');
    await boss.close();
    await link.close();
    await expect(boss.publishTask(task(run))).rejects.toThrow(LinkDownError);
    await expect(link.hello(hello('w1'))).rejects.toThrow(LinkDownError);
    await expect(joinTaking(link, run)).rejects.toThrow(LinkDownError);
    await boss.close();
    await link.close();
  });

  test('traffic is told in both directions', async () => {
    const boss = await stage.coordinator();
    const traffic: string[] = [];
    boss.onTraffic(({ direction, type }) => traffic.push(`${direction} ${type}`));
    await collect(boss);
    await boss.publishTask(task(run));
    await (await stage.worker('w1')).hello(hello('w1'));
    await eventually(() => expect(traffic).toEqual(['out task', 'in hello']));
  });
}
