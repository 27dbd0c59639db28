import { describe, expect, it } from 'vitest';
import { endOfRun, joined, Mind, offer, settings, weights } from './mind.js';

const announce = (run: string) => ({ type: 'message', message: { type: 'announce', run } }) as const;
const refuse = (reason: string) =>
  ({ type: 'message', message: { type: 'refuse', run: 'r1', reason } }) as const;
const offered = (changes = {}) => ({ type: 'message', message: { ...offer, ...changes } }) as const;

describe('in the lobby', () => {
  it('says hello at once and again until an offer arrives', () => {
    const mind = new Mind();
    expect(mind.types({ type: 'tick' })).toEqual(['hello']);
    expect(mind.wakeMs()).toBe(settings.helloEveryMs);
    expect(mind.after(settings.helloEveryMs - 1)).toEqual([]);
    expect(mind.after(1)).toEqual([{ type: 'hello' }]);
    expect(mind.types(offered())).toEqual(['join']);
    expect(mind.after(10 * settings.helloEveryMs)).toEqual([]);
  });

  it('answers an announcement with a hello', () => {
    const mind = new Mind();
    mind.on({ type: 'tick' });
    expect(mind.types(announce('r1'))).toEqual(['hello']);
  });

  it('reports each reason of a refusal once', () => {
    const mind = new Mind();
    const reports = [refuse('numerics'), refuse('numerics'), refuse('version'), refuse('numerics')].map(
      (event) => mind.on(event).filter((action) => action.type === 'report').length,
    );
    expect(reports).toEqual([1, 0, 1, 0]);
    expect(mind.state.stage.type).toBe('lobby');
  });

  it('declines a run of other numerics itself', () => {
    const mind = new Mind();
    expect(mind.types(offered({ numericsId: 'fused/1' }))).not.toContain('join');
    expect(mind.state.stage.type).toBe('lobby');
  });

  it('is quiet while the link is down and says hello as soon as it is up', () => {
    const mind = new Mind();
    mind.on({ type: 'tick' });
    mind.on({ type: 'link_down', reason: 'gone' });
    expect(mind.wakeMs()).toBeNull();
    expect(mind.after(60_000)).toEqual([]);
    expect(mind.types({ type: 'link_up' })).toEqual(['hello']);
  });
});

describe('a worker for one run', () => {
  it('hears of others, and neither answers nor joins them', () => {
    const mind = new Mind({ run: 'r1' });
    mind.on({ type: 'tick' });
    expect(mind.on(announce('r2'))).toEqual([]);
    expect(mind.on(offered({ run: 'r2' }))).toEqual([]);
    expect(mind.on({ type: 'message', message: { type: 'refuse', run: 'r2', reason: 'numerics' } })).toEqual(
      [],
    );
    expect(mind.types(announce('r1'))).toEqual(['hello']);
    expect(mind.types(offered())).toEqual(['join']);
  });
});

describe('joining', () => {
  it('says ready once subscribed, and again until weights come', () => {
    const mind = new Mind();
    mind.on(offered());
    expect(mind.types({ type: 'joined', run: 'r1' })).toEqual(['ready']);
    expect(mind.wakeMs()).toBe(offer.heartbeatMs);
    expect(mind.after(settings.readyEveryMs)).toContainEqual({ type: 'ready', run: 'r1', fence: 1 });
    expect(mind.types(weights(0))).toEqual(['keep_weights']);
    expect(mind.after(settings.readyEveryMs).map((action) => action.type)).toEqual(['heartbeat']);
  });

  it('takes part in one run at a time', () => {
    const mind = joined();
    expect(mind.types(offered({ run: 'r2' }))).toEqual([]);
    expect(mind.types(announce('r2'))).toEqual([]);
    expect(mind.run.offer.run).toBe('r1');
  });

  it('a run that cannot be joined is reported once, and tried again after a while', () => {
    const mind = new Mind();
    mind.on(offered());
    const failed = { type: 'join_failed', run: 'r1', reason: 'no kernels', passing: false } as const;
    expect(mind.on(failed).map((action) => action.type)).toEqual(['report', 'leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual([]);
    expect(mind.wakeMs()).toBe(settings.rejoinMs);
    expect(mind.after(settings.rejoinMs)).toEqual([{ type: 'hello' }]);
    mind.on(offered());
    expect(mind.on(failed).map((action) => action.type)).toEqual(['leave']);
  });

  it('a run that went away meanwhile is nothing to report', () => {
    const mind = new Mind();
    mind.on(offered());
    const failed = { type: 'join_failed', run: 'r1', reason: 'gone', passing: true } as const;
    expect(mind.on(failed)).toEqual([{ type: 'leave', run: 'r1' }]);
  });

  it('weights of another length are refused', () => {
    const mind = joined({}, null);
    const odd = { type: 'weights', run: 'r1', fence: 1, version: 0, parameterCount: 11 } as const;
    expect(mind.on(odd).map((action) => action.type)).toEqual(['report']);
    expect(mind.on(odd)).toEqual([]);
    expect(mind.run.versions).toEqual([]);
  });
});

describe('a coordinator that comes back', () => {
  it('knows nobody: an announcement of our own run is answered, and its offer with the higher fence adopted', () => {
    const mind = joined({}, 5);
    expect(mind.types(announce('r1'))).toEqual(['hello']);
    expect(mind.on(offered({ fence: 2 }))).toEqual([{ type: 'ready', run: 'r1', fence: 2 }]);
    expect(mind.run).toMatchObject({ fence: 2, versions: [] });
    expect(mind.types(weights(5, 1))).toEqual([]);
    expect(mind.types(weights(3, 2))).toEqual(['keep_weights']);
    expect(mind.run.versions).toEqual([3]);
  });

  it('an offer with a lower fence is ignored', () => {
    const mind = joined();
    mind.on(offered({ fence: 2 }));
    expect(mind.on(offered({ fence: 1 }))).toEqual([]);
    expect(mind.run.fence).toBe(2);
  });

  it('a run of the same name with another spec is left and joined anew', () => {
    const mind = joined();
    expect(mind.types(offered({ fence: 2, seed: 8 }))).toEqual(['goodbye', 'leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['hello']);
  });
});

describe('a silent coordinator', () => {
  it('leaves the worker free for another run', () => {
    const mind = joined();
    mind.after(settings.silentMs - 1);
    expect(mind.on(offered({ run: 'r2' }))).toEqual([]);
    expect(mind.after(1).map((action) => action.type)).toContain('hello');
    expect(mind.types(offered({ run: 'r2' }))).toEqual(['goodbye', 'leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['hello']);
    expect(mind.types(offered({ run: 'r2' }))).toEqual(['join']);
  });

  it('is asked again, and its answer counts as a sign of life', () => {
    const mind = joined();
    mind.after(settings.silentMs);
    expect(mind.on(offered())).toEqual([{ type: 'ready', run: 'r1', fence: 1 }]);
    expect(mind.after(settings.helloEveryMs).map((action) => action.type)).not.toContain('hello');
  });
});

describe('the end of a run', () => {
  it('leads back to the lobby', () => {
    const mind = joined();
    expect(mind.types(endOfRun())).toEqual(['leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['hello']);
    expect(mind.state).toMatchObject({ runs: 1, stage: { type: 'lobby' } });
  });

  it('ends a worker that was to work once', () => {
    const mind = joined({ once: true });
    expect(mind.types(endOfRun())).toEqual(['leave']);
    expect(mind.types({ type: 'left', run: 'r1' })).toEqual(['finish']);
    expect(mind.state.stage.type).toBe('done');
    expect(mind.types({ type: 'tick' })).toEqual([]);
  });

  it('of an older fence or another run is ignored', () => {
    const mind = joined();
    expect(mind.on(endOfRun({ fence: 0 }))).toEqual([]);
    expect(mind.on(endOfRun({ run: 'r2' }))).toEqual([]);
  });

  it('also comes as queues that are gone', () => {
    const mind = joined();
    expect(mind.types({ type: 'run_gone', run: 'r1', reason: 'deleted' })).toEqual(['leave']);
  });
});
