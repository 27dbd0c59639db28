import { expect, test } from 'vitest';
import { task } from './samples.js';
import { collectInbox, eventually, joinHolding, joinTaking, run, type Stage } from './stage.js';

/** Tasks: who gets them, and what becomes of them. */
export function taskConformance(stage: Stage): void {
  test('workers compete for tasks, and each task is done once', async () => {
    const boss = await stage.coordinator();
    const taken: number[][] = [];
    for (const id of ['w1', 'w2', 'w3']) taken.push(await joinTaking(await stage.worker(id), run));
    for (let step = 0; step < 30; step++) await boss.publishTask(task(run, { step }));
    const all = () => taken.flat().toSorted((a, b) => a - b);
    await eventually(() => expect(all()).toEqual(Array.from({ length: 30 }, (_, i) => i)));
    expect(taken.every((one) => one.length > 0)).toBe(true);
  });

  test('a task arrives as it was sent', async () => {
    const boss = await stage.coordinator();
    const held = await joinHolding(await stage.worker('w1'), run, 1);
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

  test('a task for one worker reaches it past the queue, whatever it has in hand, and nobody else', async () => {
    const boss = await stage.coordinator();
    const mine = await stage.worker('w1');
    const inbox = await collectInbox(mine);
    const held = await joinHolding(mine, run, 1);
    const others = await joinHolding(await stage.worker('w2'), run, 1);
    await boss.publishTask(task(run, { step: 0 }));
    await boss.publishTask(task(run, { step: 1 }));
    await eventually(() => expect(held.length + others.length).toBe(2));
    await boss.sendTask('w1', task(run, { step: 7, attempt: 1 }));
    await eventually(() => expect(held.map((one) => one.task.step)).toContain(7));
    // No verdict on it brings it back, and the inbox does not wait for one.
    held.find((one) => one.task.step === 7)?.answer('requeue');
    await boss.sendTask('w1', task(run, { step: 8 }));
    await boss.send('w1', { type: 'drain', run, worker: 'w1' });
    await eventually(() => expect(inbox).toEqual([{ type: 'drain', run, worker: 'w1' }]));
    expect(held.map((one) => one.task.step).filter((step) => step > 1)).toEqual([7, 8]);
    // Nobody of that name: lost in silence, as any message to a worker that is gone.
    await boss.sendTask('nobody', task(run, { step: 9 }));
    expect(others.map((one) => one.task.step).filter((step) => step > 1)).toEqual([]);
  });

  test('a worker has at most `prefetch` tasks in hand', async () => {
    const boss = await stage.coordinator();
    const held = await joinHolding(await stage.worker('w1'), run, 2);
    for (let step = 0; step < 5; step++) await boss.publishTask(task(run, { step }));
    await eventually(() => expect(held.length).toBe(2));
    // Whoever comes later gets the third one: it was not given away beyond the prefetch.
    const others = await joinHolding(await stage.worker('w2'), run, 1);
    await eventually(() => expect(others.map((one) => one.task.step)).toEqual([2]));
    expect(held.map((one) => one.task.step)).toEqual([0, 1]);
    held[0]?.answer('ack');
    await eventually(() => expect(held.map((one) => one.task.step)).toEqual([0, 1, 3]));
  });

  test('a task is acked when its promise resolves, not before', async () => {
    const boss = await stage.coordinator();
    const first = await stage.worker('w1');
    const held = await joinHolding(first, run, 2);
    await boss.publishTask(task(run, { step: 0 }));
    await boss.publishTask(task(run, { step: 1 }));
    await eventually(() => expect(held.length).toBe(2));
    held[0]?.answer('ack');
    // The third one comes when the ack of the first has arrived.
    await boss.publishTask(task(run, { step: 2 }));
    await eventually(() => expect(held.length).toBe(3));
    await first.close();
    const others = await joinHolding(await stage.worker('w2'), run, 5);
    await eventually(() => expect(others.map((one) => one.task.step)).toEqual([1, 2]));
    expect(others.every((one) => one.redelivered)).toBe(true);
    // Too late, and harmless: the task has gone back already.
    held[1]?.answer('ack');
  });

  test('a task comes again after `requeue` and after a rejected promise, not after `discard`', async () => {
    const boss = await stage.coordinator();
    const seen: string[] = [];
    await (await stage.worker('w1')).joinRun(run, {
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
    const boss = await stage.coordinator();
    const victim = await stage.broker().connectVictim();
    const held = await joinHolding(await victim.transport.openWorker({ worker: 'w1' }), run, 2);
    await boss.publishTask(task(run, { step: 0 }));
    await boss.publishTask(task(run, { step: 1 }));
    await eventually(() => expect(held.length).toBe(2));
    const others = await joinTaking(await stage.worker('w2'), run);
    await victim.kill();
    await eventually(() => expect(others).toEqual([0, 1]));
  });

  test('a paused worker gets nothing new, and can finish what it has', async () => {
    const boss = await stage.coordinator();
    const first = await stage.worker('w1');
    const held = await joinHolding(first, run, 2);
    for (let step = 0; step < 4; step++) await boss.publishTask(task(run, { step }));
    await eventually(() => expect(held.length).toBe(2));
    await first.pauseTasks();
    held[0]?.answer('ack');
    held[1]?.answer('requeue');
    const others = await joinTaking(await stage.worker('w2'), run);
    await eventually(() => expect(others).toEqual([1, 2, 3]));
    expect(held.length).toBe(2);
    // It still belongs to the run.
    await boss.publishTask(task(run, { step: 4 }));
    await eventually(() => expect(others).toEqual([1, 2, 3, 4]));
  });

  test('leaving a run gives its tasks back; joining again takes them', async () => {
    const boss = await stage.coordinator();
    const link = await stage.worker('w1');
    const held = await joinHolding(link, run, 1);
    await boss.publishTask(task(run));
    await eventually(() => expect(held.length).toBe(1));
    await link.leaveRun();
    const again = await joinHolding(link, run, 1);
    await eventually(() => expect(again[0]?.redelivered).toBe(true));
  });

  test('purged tasks are gone, those in hand are not', async () => {
    const boss = await stage.coordinator();
    const held = await joinHolding(await stage.worker('w1'), run, 1);
    for (let step = 0; step < 3; step++) await boss.publishTask(task(run, { step }));
    await eventually(() => expect(held.length).toBe(1));
    await boss.purgeTasks();
    await boss.publishTask(task(run, { step: 3 }));
    held[0]?.answer('ack');
    await eventually(() => expect(held.map((one) => one.task.step)).toEqual([0, 3]));
  });

  test('a quarantined task is kept away from workers', async () => {
    const boss = await stage.coordinator();
    const taken = await joinTaking(await stage.worker('w1'), run);
    await boss.quarantineTask(task(run, { step: 1 }), 'nobody can compute it');
    await boss.publishTask(task(run, { step: 2 }));
    await eventually(() => expect(taken).toEqual([2]));
  });
}
