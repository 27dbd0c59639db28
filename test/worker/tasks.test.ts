import { describe, expect, it } from 'vitest';
import type { RunOffer, Task } from '../../src/protocol/index.js';
import type { WorkerAction } from '../../src/worker/events.js';
import { arrival, endOfRun, joined, settings, task, weights } from './mind.js';

const ack = (delivery: number) => ({ type: 'settle', delivery, verdict: 'ack' });

describe('a task', () => {
  it('is computed, published, and acked only after the confirm', () => {
    const mind = joined();
    mind.nowMs = 10;
    expect(mind.on(arrival(1))).toEqual([{ type: 'compute', delivery: 1, task: task(), width: 1 }]);
    mind.nowMs = 30;
    expect(mind.on({ type: 'computed', delivery: 1 })).toEqual([
      { type: 'publish', delivery: 1, task: task(), takenAtMs: 10, fetchMs: 0, waitMs: 0, ranges: [] },
    ]);
    expect(mind.on({ type: 'tick' })).toEqual([]);
    expect(mind.on({ type: 'published', delivery: 1 })).toEqual([ack(1)]);
    expect(mind.state.images).toBe(3);
    expect(mind.run.tasks).toEqual([]);
  });

  it('is held until the weights it names are there', () => {
    const mind = joined({}, 0);
    expect(mind.on(arrival(1, { weightsVersion: 1, step: 1 }))).toEqual([]);
    mind.nowMs = 25;
    expect(mind.types(weights(1))).toEqual(['keep_weights', 'compute']);
    mind.nowMs = 30;
    expect(mind.on({ type: 'computed', delivery: 1 })).toMatchObject([{ type: 'publish', waitMs: 25 }]);
  });

  it('that waits long for its weights asks for them', () => {
    const mind = joined({}, 0);
    mind.on(arrival(1, { weightsVersion: 1 }));
    expect(mind.after(settings.readyEveryMs)).toContainEqual({ type: 'ready', run: 'r1', fence: 1 });
  });

  it('waits for a free thread; as many run as there are threads', () => {
    const mind = joined({ threads: 2 });
    expect([1, 2, 3].map((n) => mind.types(arrival(n, { node: 3 + n })))).toEqual([
      ['compute'],
      ['compute'],
      [],
    ]);
    expect(mind.types({ type: 'computed', delivery: 2 })).toEqual(['publish', 'compute']);
  });

  it('of an older version than held is acked and dropped', () => {
    const mind = joined({}, 3);
    expect(mind.on(arrival(1, { weightsVersion: 2 }))).toEqual([ack(1)]);
    expect(mind.run.tasks).toEqual([]);
  });

  it('of a lower fence is acked and dropped', () => {
    const mind = joined();
    mind.on(weights(0, 2));
    expect(mind.on(arrival(1, { fence: 1 }))).toEqual([ack(1)]);
  });

  it('of a higher fence is kept, and voids what is in hand of the lower one', () => {
    const mind = joined({ threads: 2 });
    mind.on(arrival(1, { node: 4 }));
    mind.on(arrival(2, { weightsVersion: 4, node: 3 }));
    expect(mind.on(arrival(3, { fence: 2 }))).toEqual([
      ack(1),
      { type: 'abandon', delivery: 1 },
      ack(2),
      { type: 'ready', run: 'r1', fence: 2 },
    ]);
    expect(mind.types(weights(0, 2))).toEqual(['keep_weights', 'compute']);
  });

  it('is stopped when newer weights show that its node is done', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(arrival(2, { node: 3 }));
    expect(mind.quietly(weights(1))).toEqual([
      { type: 'keep_weights', version: 1, versions: [1] },
      ack(1),
      { type: 'abandon', delivery: 1 },
      ack(2),
    ]);
    // The thread is still at its microshard: nothing else starts on it.
    expect(mind.on(arrival(3, { weightsVersion: 1, step: 1 }))).toEqual([]);
    expect(mind.types({ type: 'computed', delivery: 1 })).toEqual(['compute']);
    expect(mind.state.images).toBe(0);
  });

  it('whose result is on its way is not stopped by newer weights', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on({ type: 'computed', delivery: 1 });
    expect(mind.types(weights(1))).toEqual(['keep_weights']);
    expect(mind.on({ type: 'published', delivery: 1 })).toEqual([ack(1)]);
  });

  it('dispatched again while in hand is acked at once: the first delivery covers it', () => {
    const mind = joined();
    mind.on(arrival(1));
    expect(mind.on(arrival(2, { attempt: 1 }))).toEqual([ack(2)]);
    expect(mind.types({ type: 'computed', delivery: 1 })).toEqual(['publish']);
  });

  it('dispatched again after its result is computed again', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on({ type: 'computed', delivery: 1 });
    mind.on({ type: 'published', delivery: 1 });
    expect(mind.types(arrival(2, { attempt: 1 }))).toEqual(['compute']);
  });

  it('dispatched again while its result or its failure is on the way is computed again: that may be why', () => {
    for (const ending of [{ type: 'computed' }, { type: 'compute_failed', reason: 'broken' }] as const) {
      const mind = joined();
      mind.on(arrival(1));
      mind.on({ ...ending, delivery: 1 });
      expect(mind.types(arrival(2, { attempt: 1 }))).toEqual(['compute']);
    }
  });

  it('evaluation passes of one step are different tasks', () => {
    const mind = joined({ threads: 2 });
    expect(mind.types(arrival(1, { mode: 'evaluate', pass: 1 }))).toEqual(['compute']);
    expect(mind.types(arrival(2, { mode: 'evaluate', pass: 2 }))).toEqual(['compute']);
  });

  it('that arrives between two runs goes back', () => {
    const mind = joined();
    mind.on(endOfRun());
    expect(mind.on(arrival(1))).toEqual([{ type: 'settle', delivery: 1, verdict: 'requeue' }]);
  });

  it('in hand at the end of the run is settled', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(arrival(2, { node: 3 }));
    expect(mind.quietly(endOfRun())).toEqual([ack(1), ack(2), { type: 'leave', run: 'r1' }]);
  });
});

describe('a task that fails', () => {
  it('is reported with its samples, then acked', () => {
    const mind = joined();
    mind.on(arrival(1));
    expect(mind.quietly({ type: 'compute_failed', delivery: 1, reason: 'sample 9 is outside' })).toEqual([
      { type: 'send_failure', delivery: 1, task: task(), reason: 'sample 9 is outside' },
    ]);
    expect(mind.on({ type: 'failure_sent', delivery: 1 })).toEqual([ack(1)]);
    expect(mind.state.images).toBe(0);
    expect(mind.types(arrival(2))).toEqual(['compute']);
  });

  it('also if its result cannot be sent', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on({ type: 'computed', delivery: 1 });
    expect(mind.types({ type: 'publish_failed', delivery: 1, reason: 'too large' })).toEqual([
      'send_failure',
    ]);
  });

  it('is nothing to report if it was stopped already', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(weights(1));
    expect(mind.on({ type: 'compute_failed', delivery: 1, reason: 'died' })).toEqual([]);
    expect(mind.run.tasks).toEqual([]);
  });
});

describe('the link', () => {
  it('going down voids everything in hand: no verdict, no result', () => {
    const mind = joined({ threads: 2 });
    mind.on(arrival(1, { node: 4 }));
    mind.on(arrival(2, { node: 5 }));
    mind.on({ type: 'computed', delivery: 2 });
    mind.on(arrival(3, { weightsVersion: 9 }));
    expect(mind.on({ type: 'link_down', reason: 'reset' })).toEqual([
      { type: 'forget', delivery: 1 },
      { type: 'abandon', delivery: 1 },
      { type: 'forget', delivery: 2 },
      { type: 'forget', delivery: 3 },
    ]);
    expect(mind.on({ type: 'published', delivery: 2 })).toEqual([]);
    expect(mind.on({ type: 'computed', delivery: 1 })).toEqual([]);
    expect(mind.wakeMs()).toBeNull();
    expect(mind.after(60_000)).toEqual([]);
  });

  it('coming up says ready again, and works on with the weights it has', () => {
    const mind = joined({}, 4);
    mind.on({ type: 'link_down', reason: 'reset' });
    expect(mind.on({ type: 'link_up' })).toEqual([{ type: 'ready', run: 'r1', fence: 1 }]);
    expect(mind.types(arrival(7, { weightsVersion: 4 }))).toEqual(['compute']);
  });

  it('coming up to nobody looks for another run too', () => {
    const mind = joined();
    mind.on({ type: 'link_down', reason: 'reset' });
    mind.on({ type: 'link_up' });
    expect(mind.after(settings.helloEveryMs).map((action) => action.type)).toContain('hello');
  });
});

/** Delivery and width of each computation that starts. */
const widths = (actions: WorkerAction[]): number[][] =>
  actions.flatMap((action) => (action.type === 'compute' ? [[action.delivery, action.width]] : []));
const crew = (threads: number, offered: Partial<RunOffer> = {}) =>
  joined({ threads }, 0, { microshards: 16, ...offered });

describe('threads', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 4],
    [7, 4],
    [32, 16],
  ])('%i of them share the only task %i wide', (threads, width) => {
    expect(widths(crew(threads).on(arrival(1, { node: 1 })))).toEqual([[1, width]]);
  });

  it.each([
    [4, [2, 2]],
    [3, [1, 2]],
    [8, [4, 4]],
    [1, [1]],
  ])('%i of them are shared out evenly among tasks that are ready together', (threads, expected) => {
    const mind = crew(threads);
    mind.on(arrival(1, { node: 2, step: 1, weightsVersion: 1 }));
    mind.on(arrival(2, { node: 3, step: 1, weightsVersion: 1 }));
    expect(widths(mind.on(weights(1))).map(([, width]) => width)).toEqual(expected);
  });

  it('are free again all at once, also those of a task that was stopped', () => {
    const mind = crew(4);
    expect(widths(mind.on(arrival(1, { node: 2 })))).toEqual([[1, 4]]);
    expect(widths(mind.on(weights(1)))).toEqual([]);
    expect(widths(mind.on(arrival(2, { node: 2, step: 1, weightsVersion: 1 })))).toEqual([]);
    expect(widths(mind.on({ type: 'compute_failed', delivery: 1, reason: 'it was stopped.' }))).toEqual([
      [2, 4],
    ]);
  });

  it('that found a block missing share the task anew when it is there', () => {
    const mind = crew(2);
    mind.on(arrival(1, { node: 2 }));
    expect(widths(mind.on({ type: 'block_missing', delivery: 1, block: 6 }))).toEqual([]);
    expect(widths(mind.on({ type: 'block_stored', run: 'r1', block: 6 }))).toEqual([[1, 2]]);
  });

  it.each<[string, Partial<Task>, Partial<RunOffer>]>([
    ['a validation', { mode: 'evaluate' }, {}],
    ['a gradient that is rounded where it is summed', {}, { gradientEncoding: 'int8' }],
    ['a step of asynchronous training', {}, { newestWeights: true }],
    ['a single microshard', { node: 16 }, {}],
    ['a node that the tree does not have', { node: 32 }, {}],
  ])('do not share %s', (_what, changes, offered) => {
    expect(widths(crew(4, offered).on(arrival(1, { node: 1, ...changes })))).toEqual([[1, 1]]);
  });
});

describe('heartbeats', () => {
  it('come each heartbeatMs and name what is in hand', () => {
    const mind = joined({ threads: 1 });
    mind.on(arrival(1, { step: 12, node: 5 }));
    mind.on(arrival(2, { step: 12, node: 6 }));
    expect(mind.after(1000)).toEqual([
      { type: 'heartbeat', run: 'r1', fence: 1, nodes: [5, 6], steps: [12, 12], images: 0 },
    ]);
    expect(mind.after(999)).toEqual([]);
    mind.on({ type: 'computed', delivery: 1 });
    mind.on({ type: 'published', delivery: 1 });
    expect(mind.after(1)).toMatchObject([{ type: 'heartbeat', nodes: [6], images: 3 }]);
  });
});
