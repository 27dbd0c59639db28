import { expect, test } from 'vitest';
import type { FoldRange, RangeSum, ReducerHello, Segment, ToReducer } from '../../src/protocol/index.js';
import type { ReducerLink, Verdict } from '../../src/transport/index.js';
import { result } from './samples.js';
import { collect, eventually, run, type Stage } from './stage.js';

function hello(reducer: string): ReducerHello {
  return { type: 'reducer_hello', reducer, host: 'h', pid: 1, numericsId: 'n', kernels: 'k', version: '1' };
}

function segment(range: number, step = 0, values = new Uint8Array(16)): Segment {
  return { type: 'segment', run, fence: 1, step, node: 1, worker: 'w1', range, values };
}

function request(range: number, step = 0): FoldRange {
  const blocks = { nodes: [2, 6], marks: ['0123456789abcdef', '00000000000000ff'], emptyNodes: [7] };
  return { type: 'fold_range', run, fence: 1, range, step, attempt: 3, oldestStep: 0, ...blocks };
}

function sum(reducer: string, values = new Uint8Array(16)): RangeSum {
  const none = { missing: [], faults: [], senders: [] };
  return { type: 'range_sum', run, fence: 1, reducer, range: 0, step: 0, attempt: 3, ...none, values };
}

async function listen(link: ReducerLink): Promise<ToReducer[]> {
  const heard: ToReducer[] = [];
  await link.receive((message) => void heard.push(message));
  return heard;
}

const steps = (messages: readonly ToReducer[]): string[] =>
  messages.map((message) => ('step' in message ? `${message.type} ${message.step}` : message.type));

/** Reducers: their queue, segments, requests and sums. */
export function reducerConformance(stage: Stage): void {
  test('a reducer and its coordinator find each other, whoever is first', async () => {
    const early = await stage.reducer('early');
    const heard = await listen(early);
    // Nobody is there to hear it.
    await early.hello(hello('early'));
    const boss = await stage.coordinator();
    const messages = await collect(boss);
    await boss.announce();
    await eventually(() => expect(heard).toEqual([{ type: 'announce', run }]));
    await early.hello(hello('early'));
    await eventually(() => expect(messages).toEqual([hello('early')]));
  });

  test('a segment reaches the reducer that holds its range, and no other', async () => {
    await stage.coordinator();
    const [first, second, idle] = [
      await stage.reducer('a'),
      await stage.reducer('b'),
      await stage.reducer('c'),
    ];
    const [atFirst, atSecond, atIdle] = [await listen(first), await listen(second), await listen(idle)];
    await first.joinRange(run, 0);
    await second.joinRange(run, 1);
    const worker = await stage.worker('w1');
    const values = Uint8Array.from({ length: 4_096 }, (_, i) => i);
    await worker.publishSegment(segment(1, 5, values));
    await worker.publishSegment(segment(0, 6));
    await eventually(() => expect([steps(atFirst), steps(atSecond)]).toEqual([['segment 6'], ['segment 5']]));
    const [got] = atSecond;
    expect(got.type === 'segment' && [...got.values]).toEqual([...values]);
    expect(atIdle).toEqual([]);
  });

  test('a request comes after the segments whose result was read', async () => {
    const boss = await stage.coordinator();
    const reducer = await stage.reducer('a');
    const heard = await listen(reducer);
    await reducer.joinRange(run, 0);
    const worker = await stage.worker('w1');
    await boss.receive(async (message): Promise<Verdict> => {
      if (message.type === 'result') await boss.sendToReducer('a', request(0, message.step));
      return 'ack';
    });
    // Larger than a part: nine megabytes.
    const large = new Uint8Array(9 << 20);
    for (let step = 0; step < 20; step++) {
      const sent = worker.publishSegment(segment(0, step, step === 3 ? large : new Uint8Array(400)));
      await Promise.all([sent, worker.publishResult(result(run, { step }))]);
    }
    const expected = Array.from({ length: 20 }, (_, step) => step);
    await eventually(() => expect(heard.length).toBe(40));
    for (const step of expected)
      expect(steps(heard).indexOf(`segment ${step}`)).toBeLessThan(
        steps(heard).indexOf(`fold_range ${step}`),
      );
  });

  test('sums and signs of life reach the coordinator', async () => {
    const boss = await stage.coordinator();
    const messages = await collect(boss);
    const reducer = await stage.reducer('a');
    await reducer.joinRange(run, 0);
    await reducer.send(run, { type: 'range_held', run, fence: 1, reducer: 'a', range: 0 });
    await eventually(() => expect(messages.map(({ type }) => type)).toEqual(['range_held']));
    const values = Uint8Array.from({ length: 1_024 }, (_, i) => i);
    await reducer.publishSum(sum('a', values));
    await reducer.send(run, { type: 'range_released', run, reducer: 'a', reason: 'SIGTERM' });
    await eventually(() => expect(messages.length).toBe(3));
    const got = messages.find((message) => message.type === 'range_sum');
    expect([...(got?.values ?? [])]).toEqual([...values]);
  });

  test('who tells a reducer something learns when it is not there', async () => {
    const boss = await stage.coordinator();
    expect(await boss.sendToReducer('nobody', request(0))).toBe(false);
    const { transport, kill } = await stage.broker().connectVictim();
    const victim = await transport.openReducer({ reducer: 'victim' });
    const heard = await listen(victim);
    expect(await boss.sendToReducer('victim', request(0))).toBe(true);
    await eventually(() => expect(steps(heard)).toEqual(['fold_range 0']));
    await kill();
    await eventually(async () => expect(await boss.sendToReducer('victim', request(0))).toBe(false));
  });

  test('segments of a range that nobody holds are lost, and nobody minds', async () => {
    const boss = await stage.coordinator();
    const messages = await collect(boss);
    const worker = await stage.worker('w1');
    await worker.publishSegment(segment(0));
    await worker.publishResult(result(run));
    await eventually(() => expect(messages.length).toBe(1));
  });

  test('a reducer that changes its range gets the segments of the new one alone', async () => {
    await stage.coordinator();
    const reducer = await stage.reducer('a');
    const heard = await listen(reducer);
    const worker = await stage.worker('w1');
    await reducer.joinRange(run, 0);
    await worker.publishSegment(segment(0, 1));
    await eventually(() => expect(steps(heard)).toEqual(['segment 1']));
    await reducer.joinRange(run, 1);
    await worker.publishSegment(segment(0, 2));
    await worker.publishSegment(segment(1, 3));
    await eventually(() => expect(steps(heard)).toEqual(['segment 1', 'segment 3']));
    await reducer.leaveRange();
    await worker.publishSegment(segment(1, 4));
    await reducer.joinRange(run, 1);
    await worker.publishSegment(segment(1, 5));
    await eventually(() => expect(steps(heard)).toEqual(['segment 1', 'segment 3', 'segment 5']));
  });

  test('the end of a run is told to the reducers that hold its ranges', async () => {
    const boss = await stage.coordinator();
    const holder = await stage.reducer('a');
    const idle = await stage.reducer('b');
    const [atHolder, atIdle] = [await listen(holder), await listen(idle)];
    await holder.joinRange(run, 0);
    await boss.broadcast({ type: 'end_of_run', run, fence: 1, outcome: 'finished', reason: '' });
    await eventually(() => expect(steps(atHolder)).toEqual(['end_of_run']));
    await boss.deleteRun();
    await expect(holder.joinRange(run, 0)).rejects.toThrow(/Run r1/);
    expect(atIdle).toEqual([]);
  });

  test('the name of a reducer is its own', async () => {
    await stage.reducer('twin');
    await expect(stage.reducer('twin')).rejects.toThrow(/already (has )?a reducer named twin/);
  });
}
