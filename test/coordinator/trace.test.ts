import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { placeBlock } from '../../src/coordinator/block-times.js';
import { createStepTimeline } from '../../src/coordinator/step-timeline.js';
import { createRunTrace } from '../../src/coordinator/trace.js';
import { createRandom } from '../../src/engine/index.js';
import { overlaps, readTrace, type TraceEvent } from '../support/read-trace.js';

function traced(originMs = 0) {
  const lines: string[] = [];
  const file = { add: (event: string) => void lines.push(event), close: async () => undefined };
  return { trace: createRunTrace(file, 'run "x"', originMs), events: () => readTrace(`[${lines.join()}]`) };
}

const unit = { mode: 'train', step: 3, pass: 0, node: 2 } as const;
/** Taken at, then fetching, waiting, computing, and on the way until it arrived. */
const block = (takenAtMs: number, fetchMs: number, waitMs: number, computeMs: number, arrivedMs: number) =>
  placeBlock({ takenAtMs, fetchMs, waitMs, computeMs }, 0, { startMs: 0, endMs: arrivedMs });
const alone = (thread: number) => ({ thread, threads: 1 });
const spans = (events: readonly TraceEvent[], pid: number): [string, number, number][] =>
  events.filter((one) => one.ph === 'X' && one.pid === pid).map(({ name, ts, dur }) => [name, ts, ts + dur]);

describe('the trace of a run', () => {
  it('shows a step and under it its phases, in microseconds since the start', () => {
    const { trace, events } = traced(1_000);
    const timeline = createStepTimeline();
    timeline.open(unit, 1_002);
    timeline.add(unit, 'compute', { startMs: 1_002.5, endMs: 1_009 });
    timeline.add(unit, 'update', { startMs: 1_009, endMs: 1_010 });
    const timed = timeline.close(unit, 1_010);
    if (timed !== null) trace.step(timed);
    trace.checkpoint({ startMs: 1_010, endMs: 1_030 }, 4_711);
    expect(spans(events(), 1)).toEqual([
      ['step 3', 2_000, 10_000],
      ['queue', 2_000, 2_500],
      ['compute', 2_500, 9_000],
      ['update', 9_000, 10_000],
      ['checkpoint', 10_000, 30_000],
    ]);
    expect(overlaps(events())).toEqual([]);
    const names = events()
      .filter(({ ph }) => ph === 'M')
      .map(({ args }) => args?.['name']);
    expect(names).toEqual(['coordinator of run "x"', 'steps', 'checkpoints']);
  });

  it('gives steps that are in flight at once tracks of their own', () => {
    const { trace, events } = traced();
    const timeline = createStepTimeline();
    for (const [step, startMs, endMs] of [
      [1, 0, 4],
      [2, 2, 6],
      [3, 4, 8],
      [4, 6, 9],
    ] as const) {
      timeline.open({ mode: 'train', step }, startMs);
      const timed = timeline.close({ mode: 'train', step }, endMs);
      if (timed !== null) trace.step(timed);
    }
    const tracks = events().flatMap(({ name, tid }) => (name.startsWith('step ') ? [[name, tid]] : []));
    expect(tracks).toEqual([
      ['step 1', 1],
      ['step 2', 3],
      ['step 3', 1],
      ['step 4', 3],
    ]);
    expect(overlaps(events())).toEqual([]);
  });

  it('shows each worker as a process with a track per thread', async () => {
    const { trace, events } = traced();
    trace.moment('w1', 'joined', 1);
    trace.block('w1', alone(0), unit, block(10, 5, 5, 20, 43));
    trace.block('w1', alone(1), unit, block(10, 0, 0, 20, 35));
    trace.block('w2', alone(0), unit, block(12, 0, 1, 20, 36));
    await trace.close();
    expect(spans(events(), 2)).toEqual([
      ['fetching', 10_000, 15_000],
      ['waiting', 15_000, 20_000],
      ['computing', 20_000, 40_000],
      ['computing', 10_000, 30_000],
      ['publishing', 40_000, 43_000],
      ['publishing', 30_000, 35_000],
    ]);
    expect(spans(events(), 3)).toHaveLength(3);
    expect(events().find(({ ph }) => ph === 'i')).toMatchObject({ pid: 2, name: 'joined', ts: 1_000 });
    expect(overlaps(events())).toEqual([]);
  });

  it('shows what a thread did: computing first, then results on their way, then waiting', async () => {
    const { trace, events } = traced();
    trace.block('w1', alone(0), unit, block(0, 0, 0, 20, 26));
    // In hand since 5, begun at 23: it waited for the thread until 20, and the result before was on its way until then.
    trace.block('w1', alone(0), unit, block(5, 0, 18, 10, 34));
    trace.block('w1', alone(0), unit, block(32, 0, 8, 10, 51));
    await trace.close();
    expect(spans(events(), 2)).toEqual([
      ['computing', 0, 20_000],
      ['publishing', 20_000, 23_000],
      ['computing', 23_000, 33_000],
      ['publishing', 33_000, 34_000],
      ['waiting', 34_000, 40_000],
      ['computing', 40_000, 50_000],
      ['publishing', 50_000, 51_000],
    ]);
  });

  it('shows a block that threads shared on a track that says so, since only the first of them is known', async () => {
    const { trace, events } = traced();
    trace.block('w1', { thread: 0, threads: 2 }, unit, block(0, 0, 0, 20, 26));
    trace.block('w1', { thread: 2, threads: 2 }, unit, block(0, 0, 0, 22, 27));
    trace.block('w1', { thread: 0, threads: 4 }, unit, block(30, 0, 0, 10, 44));
    // From a worker that does not say how many.
    trace.block('w1', { thread: 0, threads: 0 }, unit, block(50, 0, 0, 10, 64));
    await trace.close();
    const names = new Map(
      events().flatMap(({ ph, pid, tid, args }) => (ph === 'M' && pid === 2 ? [[tid, args?.['name']]] : [])),
    );
    const computing = events().filter(({ name }) => name === 'computing');
    expect(computing.map(({ tid, ts, args }) => [names.get(tid), ts, args?.['threads']])).toEqual([
      ['thread 1 and 1 more, on one block', 0, 2],
      ['thread 3 and 1 more, on one block', 0, 2],
      ['thread 1 and 3 more, on one block', 30_000, 4],
      ['thread 1', 50_000, undefined],
    ]);
    const publishing = events().filter(({ name }) => name === 'publishing');
    expect(publishing).toHaveLength(computing.length);
    for (const { tid, ts, dur } of computing)
      expect(publishing.some((one) => one.tid === tid && one.ts === ts + dur)).toBe(true);
    expect(overlaps(events())).toEqual([]);
  });

  it('knows that the first of the threads that share a block does nothing else meanwhile', async () => {
    const { trace, events } = traced();
    trace.block('w1', { thread: 0, threads: 2 }, unit, block(0, 0, 0, 20, 30));
    // In hand since 5: it waited for the thread until 20, which is not the thread's time, and the result before was on its way until 24.
    trace.block('w1', alone(0), unit, block(5, 0, 19, 10, 40));
    await trace.close();
    expect(spans(events(), 2)).toEqual([
      ['computing', 0, 20_000],
      ['publishing', 20_000, 24_000],
      ['computing', 24_000, 34_000],
      ['publishing', 34_000, 40_000],
    ]);
  });

  it('gives a worker that came back a process of its own', () => {
    const { trace, events } = traced();
    trace.block('w1', alone(0), unit, block(0, 0, 0, 20, 26));
    trace.left('w1');
    expect(spans(events(), 2)).toEqual([
      ['computing', 0, 20_000],
      ['publishing', 20_000, 26_000],
    ]);
    trace.block('w1', alone(0), unit, block(40, 0, 0, 20, 66));
    expect(spans(events(), 3)).toEqual([['computing', 40_000, 60_000]]);
  });
});

const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));
it(`never lets two events of a track overlap, whatever workers claim (seed ${seed})`, async () => {
  const random = createRandom(seed, 1);
  const { trace, events } = traced(500);
  let nowMs = 500;
  for (let i = 0; i < 2_000; i++) {
    nowMs += random.float() * 5;
    const publishedMs = nowMs - random.float() * 60;
    const claim = () => random.float() * (random.below(20) === 0 ? 1e12 : 30);
    const times = placeBlock(
      {
        takenAtMs: publishedMs + random.float() * 40 - 20,
        fetchMs: claim(),
        waitMs: claim(),
        computeMs: claim(),
      },
      random.float() * 4 - 2,
      { startMs: publishedMs, endMs: nowMs },
    );
    const worker = `w${random.below(3)}`;
    const claimed = (below: number): number => (random.below(40) === 0 ? 4_294_967_295 : random.below(below));
    const [thread, threads] = [claimed(3), claimed(6)];
    trace.block(worker, { thread, threads }, unit, times);
    if (random.below(300) === 0) trace.left(worker);
  }
  await trace.close();
  expect(overlaps(events())).toEqual([]);
  for (const { ph, tid } of events()) if (ph === 'X') expect(tid).toBeLessThanOrEqual(11 * 1_024);
});
