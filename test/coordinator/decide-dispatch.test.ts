import { describe, expect, it } from 'vitest';
import { Driver, lines, published, types } from './support.js';

/** One worker with two threads, alive: heartbeats all along. */
/** Whatever the threads. */
const twoBlocks = { gradientBlocks: 2 };

function waitAlive(d: Driver, ms: number): ReturnType<Driver['wait']> {
  const actions: ReturnType<Driver['wait']> = [];
  for (let waited = 0; waited < ms; waited += 1_000) {
    actions.push(...d.wait(1_000));
    d.beat('w1', [2]);
  }
  return actions;
}

describe('slow blocks', () => {
  it('says what is missing, who has it, when it was last seen and what comes next', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    const tasks = published(d.join('w1', 2));
    d.beat('w1', [2, 3]);
    d.result(tasks[1]);
    const said = lines(waitAlive(d, 12_000));
    expect(said[0]).toMatch(
      /^Step 0 waits for 1 of 2 blocks: block 2 \(32 samples, attempt 1\) with w1 on h, last seen \d s ago\. Sent again in \d+ s\.$/,
    );
  });

  it('tells a wait once, and again only when something about it has changed', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    const tasks = published(d.join('w1', 2));
    d.beat('w1', [2, 3]);
    d.result(tasks[1]);
    const told = lines(waitAlive(d, 50_000)).filter((line) => line.startsWith('Step 0 waits'));
    expect(told).toHaveLength(1);
    // Somebody else has it now.
    d.join('w2');
    d.beat('w2', [2]);
    const again: string[] = [];
    for (let second = 0; second < 40; second++) {
      again.push(...lines(d.wait(1_000)).filter((line) => line.startsWith('Step 0 waits')));
      d.beat('w1', [2]);
      d.beat('w2', [2]);
    }
    expect(again[0]).toContain('with w2 on h');
    // Once for the other worker, once for the block sent again.
    expect(again.length).toBeLessThanOrEqual(2);
    // The next wait is another one; it begins later, now that blocks are known to take so long.
    d.perform(d.result(tasks[0], 'w2'));
    expect(d.state.position.step).toBe(1);
    expect(lines(waitAlive(d, 250_000)).some((line) => line.startsWith('Step 1 waits'))).toBe(true);
  });

  it('sends a block again after three times the usual, then waits twice as long', () => {
    const d = new Driver({ ...twoBlocks, trainSamples: 64 * 100 });
    d.post({ type: 'started' });
    let tasks = published(d.join('w1', 2));
    for (let step = 0; step < 6; step++) {
      d.nowMs += 3_000;
      d.post({ type: 'tick' });
      tasks = published(tasks.flatMap((task) => d.perform(d.result(task))));
    }
    expect(published(waitAlive(d, 8_000))).toEqual([]);
    const again = waitAlive(d, 2_000);
    expect(published(again)).toMatchObject([
      { node: 2, attempt: 1, cause: 'slow' },
      { node: 3, attempt: 1, cause: 'slow' },
    ]);
    expect(types(again)).toContain('broadcast_weights');
    expect(published(waitAlive(d, 16_000))).toEqual([]);
    expect(published(waitAlive(d, 4_000))).toMatchObject([{ attempt: 2 }, { attempt: 2 }]);
  });

  it('waits no longer for a block whose workers died, or whose link was lost', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    d.join('w1', 2);
    for (let outage = 0; outage < 5; outage++) {
      d.post({ type: 'link_down', reason: 'cut' });
      expect(published(d.post({ type: 'link_up' }))).toHaveLength(2);
    }
    expect(published(waitAlive(d, 55_000))).toEqual([]);
    expect(published(waitAlive(d, 10_000))).toMatchObject([
      { attempt: 6, cause: 'slow' },
      { attempt: 6, cause: 'slow' },
    ]);
  });

  it('is patient with the first blocks: data has to travel', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    d.join('w1', 2);
    expect(published(waitAlive(d, 55_000))).toEqual([]);
    expect(published(waitAlive(d, 10_000))).toHaveLength(2);
  });
});

describe('the link', () => {
  it('blames nobody during an outage, and publishes everything outstanding when it is over', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    const tasks = published(d.join('w1', 2));
    d.result(tasks[0]);
    d.post({ type: 'link_down', reason: 'connection reset' });
    const outage = d.wait(200_000);
    expect(published(outage)).toEqual([]);
    expect(lines(outage)[0]).toMatch(/^Waiting for the connection to the broker \(connection reset\)/);
    expect(d.state.workers).toHaveLength(1);
    const back = d.post({ type: 'link_up' });
    expect(types(back)).toEqual(['report', 'purge_tasks', 'announce', 'broadcast_weights', 'publish_task']);
    expect(published(back)).toMatchObject([{ node: 3, attempt: 1, cause: 'link' }]);
    expect(published(d.wait(1_000))).toEqual([]);
  });

  it('opens no step while the link is down, and does when it is up', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    const tasks = published(d.join('w1'));
    d.post({ type: 'link_down', reason: 'gone' });
    expect(published(tasks.flatMap((task) => d.perform(d.result(task))))).toEqual([]);
    expect(published(d.post({ type: 'link_up' }))).toMatchObject([{ step: 1, cause: 'first' }]);
  });

  it('waits for a blocked broker', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    d.join('w1', 2);
    expect(lines(d.post({ type: 'link_blocked', reason: 'low on disk' }))[0]).toContain('low on disk');
    expect(published(waitAlive(d, 100_000))).toEqual([]);
    d.post({ type: 'link_unblocked' });
    expect(published(waitAlive(d, 50_000))).toEqual([]);
  });
});

describe('a link that is blocked before it is up again', () => {
  it('is still down: everything outstanding is published when it is up', () => {
    const d = new Driver(twoBlocks);
    d.post({ type: 'started' });
    d.join('w1', 2);
    d.post({ type: 'link_down', reason: 'cut' });
    d.post({ type: 'link_blocked', reason: 'low on memory' });
    d.post({ type: 'link_unblocked' });
    expect(published(d.post({ type: 'link_up' }))).toMatchObject([{ cause: 'link' }, { cause: 'link' }]);
  });
});

describe('short steps', () => {
  it('hands out finer blocks, and folds the empty ones itself', () => {
    const d = new Driver({ trainSamples: 64 + 20, minWorkers: 2 });
    d.post({ type: 'started' });
    d.join('w1');
    const tasks = published(d.join('w2'));
    expect(tasks.map(({ node }) => node)).toEqual([2, 3]);
    const next = tasks.flatMap((task) => d.perform(d.result(task)));
    expect(published(next).map(({ node }) => node)).toEqual([4, 5]);
    expect(next.filter((action) => action.type === 'accept_empty').map(({ node }) => node)).toEqual([6, 7]);
    expect(d.state.fronts[0]?.units.map(({ samples }) => samples)).toEqual([16, 4, 0, 0]);
  });
});
