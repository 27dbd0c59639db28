import { describe, expect, it } from 'vitest';
import { Driver, lines, published, types } from './support.js';

describe('joining', () => {
  it('purges, calls for workers and says how to start one', () => {
    const d = new Driver({ minWorkers: 2 });
    const actions = d.post({ type: 'started' });
    expect(types(actions)).toEqual(['purge_tasks', 'announce', 'report']);
    expect(lines(actions)[0]).toBe(
      'Waiting for workers: 0 of 2 ready. Start one with: worker start --broker URL',
    );
  });

  it('offers the run, sends the weights to who is ready, and starts with enough of them', () => {
    const d = new Driver({ minWorkers: 2 });
    d.post({ type: 'started' });
    expect(d.hello('w1')).toEqual([{ type: 'offer', worker: 'w1' }]);
    const first = d.ready('w1');
    expect(first[0]).toEqual({ type: 'send_weights', worker: 'w1', version: 0 });
    expect(published(first)).toEqual([]);
    d.hello('w2');
    const second = d.ready('w2');
    expect(types(second)).toEqual([
      'send_weights',
      'report',
      'broadcast_weights',
      'open_front',
      'publish_task',
      'publish_task',
    ]);
    expect(published(second).map((task) => task.node)).toEqual([2, 3]);
  });

  it.each([
    ['numerics', { numericsId: 'native-1' }, /native-1.*bits differ/],
    ['version', { version: '2.0.0' }, /Onko 1\.0\.0.*Onko 2\.0\.0/],
  ])('turns away another %s, with the reason', (_what, changes, reason) => {
    const d = new Driver();
    d.post({ type: 'started' });
    const actions = d.hello('w1', changes);
    expect(types(actions)).toEqual(['refuse', 'report']);
    expect(actions[0]).toMatchObject({ worker: 'w1', reason: expect.stringMatching(reason) });
    expect(d.state.workers).toEqual([]);
  });

  it('takes a heartbeat for a ready that was lost', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.hello('w1', { threads: 4 });
    expect(published(d.beat('w1'))).toMatchObject([{ node: 1 }]);
  });

  it('offers anew to who still works under the fence before', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.nowMs += 10_000;
    expect(types(d.beat('stranger', [], { fence: 2 }))).toEqual(['announce']);
    expect(types(d.beat('stranger', [], { fence: 2 }))).toEqual([]); // Not at every heartbeat.
    d.hello('w1');
    expect(d.beat('w1', [], { fence: 2 })).toEqual([{ type: 'offer', worker: 'w1' }]);
    expect(d.ready('w1', { fence: 2 })).toEqual([{ type: 'offer', worker: 'w1' }]);
    expect(d.state.phase).toBe('gathering');
  });

  it('keeps calling while there are too few, and stops after the time allowed', () => {
    const d = new Driver({ minWorkers: 2, workerWaitMs: 30_000 });
    d.post({ type: 'started' });
    d.join('w1');
    const waiting: ReturnType<Driver['wait']> = [];
    for (let i = 0; i < 28; i++) {
      d.beat('w1');
      waiting.push(...d.wait(1_000));
    }
    expect(types(waiting)).toContain('announce');
    expect(lines(waiting).at(-1)).toContain('1 of 2 ready (w1)');
    expect(types(waiting)).not.toContain('fail');
    d.beat('w1');
    const last = d.wait(3_000);
    expect(last.at(-1)).toMatchObject({
      type: 'fail',
      cause: { type: 'no_workers', ready: 1, needed: 2 },
    });
    expect(d.state.phase).toBe('ended');
  });

  it('keeps its bookkeeping small, however many workers come and go', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.join('w');
    for (let i = 0; i < 500; i++) {
      d.join(`w${i}`);
      const message = { type: 'goodbye', run: 'run-1', worker: `w${i}`, reason: 'drained' } as const;
      d.post({ type: 'message', message });
    }
    expect(d.state.workers).toHaveLength(1);
    expect(d.state.gone).toHaveLength(64);
  });
});

describe('leaving', () => {
  it('sends at once to others what a worker leaves behind', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.join('w1', 2);
    d.join('w2', 2);
    d.beat('w1', [1]);
    const message = { type: 'goodbye', run: 'run-1', worker: 'w1', reason: 'drained' } as const;
    const actions = d.post({ type: 'message', message });
    expect(published(actions)).toMatchObject([{ node: 1, attempt: 1, cause: 'goodbye' }]);
    expect(lines(actions)[0]).toContain('w1 on h left (drained): 1 worker in all.');
  });

  it('counts a worker as dead after three missed heartbeats and sends its blocks again', () => {
    const d = new Driver({ minWorkers: 2 });
    d.post({ type: 'started' });
    d.join('w1');
    d.join('w2');
    d.beat('w1', [2]);
    d.beat('w2', [3]);
    const actions: ReturnType<Driver['wait']> = [];
    for (let i = 0; i < 4; i++) {
      actions.push(...d.wait(1_000));
      d.beat('w1', [2]);
    }
    expect(published(actions)).toMatchObject([{ node: 3, attempt: 1, cause: 'death' }]);
    expect(lines(actions)[0]).toMatch(/w2 on h has been silent for 4 s and counts as dead.*\(3\)/);
    expect(d.state.workers.map(({ worker }) => worker)).toEqual(['w1']);
    // It was only slow: its heartbeat brings it back.
    expect(types(d.beat('w2'))).toContain('send_weights');
    expect(d.state.workers).toHaveLength(2);
  });

  it('blames nobody for its own absence', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.join('w1');
    d.wait(500);
    d.nowMs += 3_600_000; // The machine slept.
    expect(published(d.post({ type: 'tick' }))).toEqual([]);
    expect(d.state.workers).toHaveLength(1);
  });

  it('waits for the next worker when the last is gone, and says who that was', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.join('w1');
    d.beat('w1', [1]);
    const actions = d.wait(15_000);
    expect(lines(actions).at(-1)).toMatch(
      /Waiting for a worker: none is left\. The last was w1 on h, seen 1\d s ago\. Start one with: worker start/,
    );
    expect(published(actions)).toHaveLength(1);
    const [task] = published(actions);
    d.join('w2');
    expect(types(d.result(task, 'w2'))).toContain('apply_step');
  });
});
