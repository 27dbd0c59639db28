import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/coordinator/decide/actions.js';
import type { RangeSumHeader } from '../../src/coordinator/decide/events.js';
import { Driver, lines, plan, published, types } from './support.js';

type Request = Extract<Action, { type: 'fold_range' }>;
const requests = (actions: Action[]): Request[] => actions.filter((action) => action.type === 'fold_range');

function sum(driver: Driver, request: Request, changes: Partial<RangeSumHeader> = {}): Action[] {
  const { run, fence } = driver.state.plan;
  const { reducer, range, step, attempt } = request;
  const of = { run, fence, reducer, range, step, attempt };
  const header = { ...of, missing: [], faults: [], senders: [], fits: true, ...changes };
  return driver.post({ type: 'range_sum', header });
}

/** Two workers, two reducers, and the tasks of the first step. */
function begin(changes: Partial<typeof plan> = {}) {
  const driver = new Driver({ reducers: 2, minWorkers: 2, ...changes });
  driver.post({ type: 'started' });
  driver.join('w1');
  driver.join('w2');
  driver.reducerHello('a');
  driver.hold('a', 0);
  driver.reducerHello('b');
  return { driver, tasks: published(driver.hold('b', 1)) };
}

/** … and all its results, but not its sums. */
function whole(changes: Partial<typeof plan> = {}) {
  const { driver, tasks } = begin(changes);
  const asked = tasks.flatMap((task, i) => requests(driver.result(task, i === 0 ? 'w1' : 'w2')));
  return { driver, tasks, asked };
}

describe('ranges', () => {
  it('are offered to reducers as they come, and the run begins when all are held', () => {
    const driver = new Driver({ reducers: 2 });
    expect(lines(driver.post({ type: 'started' })).join()).toContain('Waiting for reducers: 0 of 2 ready');
    expect(published(driver.join('w1'))).toEqual([]);
    expect(driver.reducerHello('a')).toEqual([{ type: 'offer_range', reducer: 'a', range: 0 }]);
    // It did not get the offer.
    expect(driver.reducerHello('a')).toEqual([{ type: 'offer_range', reducer: 'a', range: 0 }]);
    expect(driver.reducerHello('b')).toEqual([{ type: 'offer_range', reducer: 'b', range: 1 }]);
    expect(driver.reducerHello('spare')).toEqual([]);
    expect(published(driver.hold('b', 1))).toEqual([]);
    expect(published(driver.hold('a', 0))).toHaveLength(1);
  });

  it('are for reducers of the same version and numerics', () => {
    const driver = new Driver({ reducers: 1 });
    driver.post({ type: 'started' });
    expect(types(driver.reducerHello('a', { version: '0.9.0' }))).toEqual(['refuse_reducer', 'report']);
    expect(types(driver.reducerHello('a', { numericsId: 'other' }))).toEqual(['refuse_reducer', 'report']);
    expect(types(driver.reducerHello('a'))).toEqual(['offer_range']);
  });

  it('have one reducer each: who was replaced, and who comes from an earlier start, is told', () => {
    const { driver } = begin();
    expect(types(driver.hold('late', 0))).toEqual(['refuse_reducer']);
    expect(types(driver.hold('a', 7))).toEqual(['refuse_reducer']);
    driver.nowMs += 10_000;
    expect(types(driver.hold('old', 0, plan.fence - 1))).toEqual(['announce']);
  });

  it('go back to who was silent for a while, and by its name: it did not notice', () => {
    const { driver } = begin();
    silence(driver);
    expect(driver.state.ranges[1]).toMatchObject({ reducer: null, before: { reducer: 'b', host: 'h' } });
    expect(lines(driver.hold('b', 1))).toEqual(['Reducer b on h sums range 1 of 2.']);
  });

  it('without a reducer are named in the wait, with who had them', () => {
    const { driver, asked } = whole();
    sum(driver, asked[0]);
    released(driver, 'b');
    const said = beating(driver, 12_000, () => driver.hold('a', 0));
    expect(lines(said).join('\n')).toMatch(
      /Waiting for reducers: 1 of 2 ready, none for range 1 \(b on h, last seen \d+ s ago, had it\)\. Start one with: reducer start --broker URL/,
    );
    // The time goes on, the wait is the same.
    expect(lines(said).filter((line) => line.startsWith('Waiting'))).toHaveLength(1);
  });

  it('without a reducer are named at the start as soon as one is there', () => {
    const driver = new Driver({ reducers: 6 });
    driver.post({ type: 'started' });
    driver.join('w1');
    driver.reducerHello('a');
    driver.hold('a', 0);
    const said = beating(driver, 12_000, () => driver.hold('a', 0));
    expect(lines(said).join('\n')).toContain(
      'Waiting for reducers: 1 of 6 ready, none for range 1, range 2, range 3, range 4 and 1 more.',
    );
  });

  it('are nothing to a run without reducers', () => {
    const driver = new Driver();
    driver.post({ type: 'started' });
    expect(driver.reducerHello('a')).toEqual([]);
    expect(published(driver.join('w1'))).toHaveLength(1);
  });

  it.each([
    ['goodbye', (driver: Driver) => released(driver, 'b')],
    ['a queue that is gone', (driver: Driver) => driver.post({ type: 'reducer_gone', reducer: 'b' })],
    ['silence', (driver: Driver) => silence(driver)],
  ])('are free again after %s: no step is opened until somebody takes them', (_what, leave) => {
    const { driver, asked } = whole();
    for (const one of asked) driver.perform(sum(driver, one));
    expect(lines(leave(driver)).join()).toMatch(/Reducer b on h of range 1 .*: another one is called/);
    const [front] = driver.state.fronts;
    for (const unit of front.units)
      expect(requests(driver.result({ ...front, ...unit }, 'w1')).map(({ range }) => range)).toEqual(
        unit === front.units.at(-1) ? [0] : [],
      );
    driver.reducerHello('c');
    expect(requests(driver.hold('c', 1))).toMatchObject([{ reducer: 'c', range: 1, step: 1 }]);
  });

  it('count in the wait that has an end', () => {
    const driver = new Driver({ reducers: 1, workerWaitMs: 10_000 });
    driver.post({ type: 'started' });
    driver.join('w1');
    beating(driver, 15_000, () => undefined);
    expect(driver.state.phase).toBe('ended');
  });
});

function released(driver: Driver, reducer: string): Action[] {
  const { run } = driver.state.plan;
  return driver.post({
    type: 'message',
    message: { type: 'range_released', run, reducer, reason: 'SIGTERM' },
  });
}

/** Time in which workers are heard, and whoever `alive` lets be. */
function beating(driver: Driver, ms: number, alive: () => void): Action[] {
  return Array.from({ length: ms / 500 }, () => {
    for (const { worker } of driver.state.workers) driver.beat(worker);
    alive();
    return driver.wait(500);
  }).flat();
}

/** Nothing is heard of `b`. */
const silence = (driver: Driver): Action[] => beating(driver, 5_000, () => driver.hold('a', 0));

describe('a step that reducers sum', () => {
  it('is asked for when every block is accepted, and applied when every sum is here', () => {
    const { driver, asked } = whole();
    expect(asked.map(({ reducer, range, step, attempt }) => [reducer, range, step, attempt])).toEqual([
      ['a', 0, 0, 1],
      ['b', 1, 0, 1],
    ]);
    expect(sum(driver, asked[1])).toEqual([{ type: 'take_range', step: 0, range: 1 }]);
    // Twice, of another attempt, of another length, of another run: nothing of it.
    expect(sum(driver, asked[1])).toEqual([]);
    expect(sum(driver, asked[0], { attempt: 9 })).toEqual([]);
    expect(sum(driver, asked[0], { fits: false })).toEqual([]);
    expect(sum(driver, asked[0], { fence: 1 })).toEqual([]);
    expect(sum(driver, asked[0])).toEqual([
      { type: 'take_range', step: 0, range: 0 },
      { type: 'apply_step', step: 0 },
    ]);
  });

  it('is asked for again when nothing comes, later and later', () => {
    const { driver, asked } = whole();
    sum(driver, asked[0]);
    const atMs: number[] = [];
    for (let ms = 0; ms < 40_000; ms += 500) {
      for (const worker of ['w1', 'w2']) driver.beat(worker);
      driver.hold('a', 0);
      driver.hold('b', 1);
      for (const { range } of requests(driver.wait(500))) {
        expect(range).toBe(1);
        atMs.push(driver.nowMs);
      }
    }
    expect(atMs).toEqual([5_000, 15_000, 35_000]);
  });

  it('is asked for again when the link is back', () => {
    const { driver } = whole();
    driver.post({ type: 'link_down', reason: 'gone' });
    expect(requests(driver.post({ type: 'link_up' })).map(({ range }) => range)).toEqual([0, 1]);
  });

  it('has the blocks computed again that a reducer lacks', () => {
    const { driver, tasks, asked } = whole();
    const { node } = tasks[0];
    const again = sum(driver, asked[0], { missing: [node], faults: ['lost'], senders: [''] });
    expect(types(again)).toEqual(['report', 'forget', 'publish_task']);
    expect(published(again)).toMatchObject([{ node, attempt: 1, cause: 'segment' }]);
    // Of the list that is void.
    expect(sum(driver, asked[1])).toEqual([]);
    const anew = requests(driver.result(tasks[0], 'w2'));
    expect(anew.map(({ range, attempt }) => [range, attempt])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    for (const one of anew) driver.perform(sum(driver, one));
    expect(driver.state.position.step).toBe(1);
  });

  it('knows late twins of a block that was computed again', () => {
    const { driver, tasks, asked } = whole();
    sum(driver, asked[0], { missing: [tasks[0].node], faults: ['lost'], senders: [''] });
    driver.result(tasks[0], 'w2', { hash: 'other' });
    expect(types(driver.result(tasks[0], 'w1', { hash: 'first' }))).toContain('alarm');
  });

  it.each(['not_finite', 'wrong_length', 'differs'] as const)(
    'blames who sent a segment that is %s, and expels it when others do better',
    (fault) => {
      const { driver, tasks, asked } = whole();
      let request = asked[0];
      for (let i = 0; i < 2; i++) {
        const wrong = { missing: [tasks[0].node], faults: [fault], senders: ['w1'] };
        const again = sum(driver, request, wrong);
        expect(lines(again).join()).toMatch(/failed on w1 \(a segment of its result/);
        expect(published(again)).toMatchObject([{ node: tasks[0].node, cause: 'failed' }]);
        if (i === 1) break;
        [request] = requests(driver.result(tasks[0], 'w1'));
      }
      expect(types(driver.result(tasks[0], 'w2'))).toContain('expelled');
    },
  );

  it('blames nobody for a segment that another worker sent', () => {
    const { driver, tasks, asked } = whole();
    const wrong = { missing: [tasks[0].node], faults: ['differs' as const], senders: ['w2'] };
    const again = sum(driver, asked[0], wrong);
    expect(published(again)).toMatchObject([{ cause: 'segment' }]);
    expect(driver.state.fronts[0].units.flatMap(({ failures }) => failures)).toEqual([]);
  });

  it('is computed twice again where it was audited', () => {
    const { driver, tasks } = begin({ auditShare: 1 });
    const all = tasks.flatMap((task) => [...driver.result(task, 'w1'), ...driver.result(task, 'w2')]);
    const [request] = requests(all);
    sum(driver, request, { missing: [tasks[0].node], faults: ['lost'], senders: [''] });
    expect(driver.state.fronts[0].units[0].audit).toEqual({ votes: [], asked: null });
    expect(requests(driver.result(tasks[0], 'w1'))).toEqual([]);
    expect(requests(driver.result(tasks[0], 'w2'))).toHaveLength(2);
  });

  it('may be whole before the one before it, with a delay', () => {
    const { driver, tasks } = begin({ delay: 1, microshards: 4 });
    const of = (step: number) => tasks.filter((task) => task.step === step);
    const later = of(1).flatMap((task) => requests(driver.result(task, 'w1')));
    expect(later.map(({ step }) => step)).toEqual([1, 1]);
    for (const one of later) expect(types(sum(driver, one))).toEqual(['take_range']);
    const first = of(0).flatMap((task) => requests(driver.result(task, 'w2')));
    for (const one of first) driver.perform(sum(driver, one));
    expect(driver.state.position.step).toBe(2);
  });

  it('is waited for in words', () => {
    const { driver, asked } = whole();
    sum(driver, asked[0]);
    const said = beating(driver, 20_000, () => {
      driver.hold('a', 0);
      driver.hold('b', 1);
    });
    expect(lines(said).join('\n')).toMatch(/Step 0 waits for sums: .* range 1 \(b\)/);
  });
});
