import { describe, expect, it } from 'vitest';
import { arrival, endOfRun, joined, Mind, offer } from './mind.js';

const drain = { type: 'drain', reason: 'SIGTERM' } as const;
const goodbye = { type: 'goodbye', run: 'r1', reason: 'SIGTERM' };
const leave = { type: 'leave', run: 'r1' };
const to = (worker: string) => ({ type: 'message', message: { type: 'drain', run: 'r1', worker } }) as const;
const asked = (worker: string) =>
  ({
    type: 'message',
    message: { type: 'drain_request', worker, reason: 'onko drain on a-host' },
  }) as const;
const requeue = (delivery: number) => ({ type: 'settle', delivery, verdict: 'requeue' });

describe('drain', () => {
  it('finishes and hands in what is computed, gives back the rest, says goodbye', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(arrival(2, { node: 3 }));
    expect(mind.quietly(drain)).toEqual([{ type: 'pause_tasks', run: 'r1' }]);
    expect(mind.on({ type: 'paused', run: 'r1' })).toEqual([requeue(2)]);
    expect(mind.types({ type: 'computed', delivery: 1 })).toEqual(['publish']);
    expect(mind.on({ type: 'published', delivery: 1 })).toEqual([
      { type: 'settle', delivery: 1, verdict: 'ack' },
      goodbye,
      leave,
    ]);
    expect(mind.on({ type: 'left', run: 'r1' })).toEqual([{ type: 'finish' }]);
    expect(mind.state).toMatchObject({ stage: { type: 'done' }, images: 3 });
  });

  it('starts nothing while it waits to be cut off from the tasks', () => {
    const mind = joined();
    mind.on(drain);
    expect(mind.on(arrival(1))).toEqual([]);
    expect(mind.on({ type: 'paused', run: 'r1' })).toEqual([requeue(1), goodbye, leave]);
  });

  it('keeps its heart beating while it computes on', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(drain);
    mind.on({ type: 'paused', run: 'r1' });
    expect(mind.wakeMs()).toBe(offer.heartbeatMs);
    expect(mind.after(offer.heartbeatMs)).toMatchObject([{ type: 'heartbeat', nodes: [2] }]);
  });

  it('also reports a failure before it goes', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(drain);
    mind.on({ type: 'paused', run: 'r1' });
    mind.on({ type: 'compute_failed', delivery: 1, reason: 'torn' });
    expect(mind.types({ type: 'failure_sent', delivery: 1 })).toEqual(['settle', 'goodbye', 'leave']);
  });

  it('is asked for from outside by its name, in a run or in none', () => {
    const mind = joined();
    expect(mind.quietly(asked('w2'))).toEqual([]);
    expect(mind.quietly(asked('w1'))).toEqual([{ type: 'pause_tasks', run: 'r1' }]);
    const idle = new Mind();
    expect(idle.types(asked('w1'))).toContain('finish');
  });

  it('in the lobby is done at once', () => {
    const mind = new Mind();
    mind.on({ type: 'tick' });
    expect(mind.types(drain)).toEqual(['finish']);
  });

  it('while joining does not wait for the run', () => {
    const mind = new Mind();
    mind.on({ type: 'message', message: offer });
    expect(mind.types(drain)).toEqual(['goodbye', 'leave']);
    expect(mind.types({ type: 'joined', run: 'r1' })).toEqual([]);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['finish']);
  });

  it('without a link has nothing left to hand in', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(drain);
    mind.on({ type: 'link_down', reason: 'reset' });
    expect(mind.state.stage.type).toBe('leaving');
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['finish']);
  });

  it('may come from the coordinator, and only to whom it names', () => {
    const mind = joined();
    expect(mind.types(to('w2'))).toEqual([]);
    expect(mind.types(to('w1'))).toEqual(['pause_tasks']);
  });

  it('is over when the run is over', () => {
    const mind = joined();
    mind.on(arrival(1));
    mind.on(drain);
    expect(mind.types(endOfRun())).toEqual(['settle', 'leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['finish']);
  });

  it('asked for twice is one drain', () => {
    const mind = joined();
    mind.on(drain);
    expect(mind.on(drain)).toEqual([]);
  });
});
