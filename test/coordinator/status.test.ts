import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/coordinator/progress.js';
import { statusOf } from '../../src/coordinator/status.js';
import { Driver } from './support.js';

const progress: Progress = {
  run: 'run-1',
  phase: 'training',
  epoch: 1,
  epochs: 2,
  step: 0,
  totalSteps: 4,
  loss: 2.3,
  accuracy: 0.1,
  learningRate: 0.01,
  validationLoss: null,
  validationAccuracy: null,
  imagesPerSecond: 100,
  etaSeconds: null,
  workers: 1,
  threads: 2,
  waiting: null,
};

describe('the status of a run', () => {
  it('is what the coordinator answers whoever asks', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    const message = { type: 'status_request', observer: 'me' } as const;
    expect(d.post({ type: 'message', message })).toEqual([{ type: 'answer_status', observer: 'me' }]);
  });

  it('tells of each worker what its heartbeats said, and when', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.hello('w2');
    d.join('w1', 2);
    d.beat('w1', [2], { images: 100, eventLoopLagMs: 3, rssBytes: 1e6 });
    d.nowMs += 2_000;
    d.beat('w1', [2, 3], { images: 300, eventLoopLagMs: 4, rssBytes: 2e6 });
    d.nowMs += 500;
    const status = statusOf(d.state, progress, d.nowMs);
    expect(status).toMatchObject({
      run: 'run-1',
      fence: 3,
      phase: 'training',
      checkpointAgeSeconds: 2.5,
      expelled: [],
    });
    expect(status.workers).toEqual([
      {
        worker: 'w2',
        host: 'h',
        kernels: 'reference',
        threads: 1,
        state: 'preparing',
        lastSeenSeconds: 2.5,
        blocks: [],
        images: null,
        imagesPerSecond: null,
        eventLoopLagMs: null,
        rssBytes: null,
      },
      {
        worker: 'w1',
        host: 'h',
        kernels: 'reference',
        threads: 2,
        state: 'ready',
        lastSeenSeconds: 0.5,
        blocks: [2, 3],
        images: 300,
        imagesPerSecond: 100,
        eventLoopLagMs: 4,
        rssBytes: 2e6,
      },
    ]);
    // A hello in between, as after a short outage, forgets nothing.
    d.hello('w1', { threads: 2 });
    d.ready('w1', { threads: 2 });
    const again = statusOf(d.state, progress, d.nowMs).workers.find(({ worker }) => worker === 'w1');
    expect(again).toMatchObject({ images: 300, imagesPerSecond: 100 });
  });

  it('tells of each range its size, who sums it, when that one was heard, what it is asked for, and who had it before', () => {
    const d = new Driver({ reducers: 3, parameterCount: 1000 });
    d.post({ type: 'started' });
    expect(statusOf(new Driver().state, progress, 0).ranges).toEqual([]);
    d.join('w1');
    for (const [range, reducer] of ['a', 'b', 'c'].entries()) {
      d.reducerHello(reducer);
      d.hold(reducer, range);
    }
    const [{ step, units }] = d.state.fronts;
    for (const unit of units) d.result({ ...unit, mode: 'train', step, weightsVersion: step });
    d.nowMs += 2_000;
    d.hold('a', 0);
    d.post({ type: 'reducer_gone', reducer: 'b' });
    d.post({ type: 'reducer_gone', reducer: 'c' });
    d.reducerHello('d');
    d.nowMs += 500;
    const none = { reducer: null, host: '', state: 'free', lastSeenSeconds: null } as const;
    const of = [256, 256, 488].map((parameters, range) => ({ range, parameters, share: parameters / 1000 }));
    expect(statusOf(d.state, progress, d.nowMs).ranges).toEqual([
      {
        ...of[0],
        reducer: 'a',
        host: 'h',
        state: 'held',
        lastSeenSeconds: 0.5,
        awaited: [0],
        before: null,
      },
      {
        ...of[1],
        reducer: 'd',
        host: 'h',
        state: 'offered',
        lastSeenSeconds: 0.5,
        awaited: [0],
        before: { reducer: 'b', host: 'h', lastSeenSeconds: 2.5 },
      },
      { ...of[2], ...none, awaited: [0], before: { reducer: 'c', host: 'h', lastSeenSeconds: 2.5 } },
    ]);
  });
});
