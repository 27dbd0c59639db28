import { describe, expect, it } from 'vitest';
import { arrival, joined, settings, weights } from './mind.js';

const ack = (delivery: number) => ({ type: 'settle', delivery, verdict: 'ack' });

/** In a run of this staleness, with weights of these versions. */
const late = (staleness: number, versions: number[]) => {
  const mind = joined({ threads: 2 }, null, { staleness });
  for (const version of versions) mind.on(weights(version));
  return mind;
};

describe('a run whose tasks may name earlier weights', () => {
  it('has so many versions at once, and computes each task on its own', () => {
    const mind = late(1, [3, 4]);
    const [one, other] = [
      arrival(1, { step: 4, weightsVersion: 3, node: 4 }),
      arrival(2, { step: 5, weightsVersion: 4, node: 4 }),
    ];
    expect([...mind.on(other), ...mind.on(one)]).toMatchObject([
      { type: 'compute', task: { weightsVersion: 4 } },
      { type: 'compute', task: { weightsVersion: 3 } },
    ]);
    expect(mind.after(1000)).toContainEqual(
      expect.objectContaining({ type: 'heartbeat', nodes: [4, 4], steps: [5, 4] }),
    );
  });

  it('drops what is older than that, weights and tasks, when newer weights come', () => {
    const mind = late(1, [3, 4]);
    mind.on(arrival(1, { step: 4, weightsVersion: 3, node: 4 }));
    mind.on(arrival(2, { step: 5, weightsVersion: 4, node: 4 }));
    expect(mind.quietly(weights(5))).toEqual([
      { type: 'keep_weights', version: 5, versions: [4, 5] },
      ack(1),
      { type: 'abandon', delivery: 1 },
    ]);
    expect(mind.on(arrival(3, { step: 4, weightsVersion: 3 }))).toEqual([ack(3)]);
    expect(mind.types(weights(3))).toEqual([]);
  });

  it('takes earlier weights that come late, and asks for those that do not come', () => {
    const mind = late(1, [4]);
    expect(mind.on(arrival(1, { step: 4, weightsVersion: 3 }))).toEqual([]);
    expect(mind.after(settings.readyEveryMs)).toContainEqual({ type: 'ready', run: 'r1', fence: 1 });
    expect(mind.quietly(weights(3))).toMatchObject([
      { type: 'keep_weights', version: 3, versions: [3, 4] },
      { type: 'compute', delivery: 1 },
    ]);
  });

  it('forgets them all under a higher fence', () => {
    const mind = late(2, [3, 4, 5]);
    expect(mind.on(weights(4, 2))).toContainEqual({ type: 'keep_weights', version: 4, versions: [4] });
  });
});

/** In an asynchronous run, after weights of these versions. */
const newest = (versions: number[]) => {
  const mind = joined({ threads: 1 }, null, { newestWeights: true });
  for (const version of versions) mind.on(weights(version));
  return mind;
};

describe('an asynchronous run', () => {
  it('has each task computed on the newest weights, and its result says on which', () => {
    const mind = newest([3, 7]);
    expect(mind.on(arrival(1, { step: 4, node: 1, weightsVersion: 2 }))).toMatchObject([
      { type: 'compute', task: { step: 4, weightsVersion: 7 } },
    ]);
    // What is under way goes on when newer ones come; what comes next is computed on those.
    expect(mind.on(weights(8))).toEqual([{ type: 'keep_weights', version: 8, versions: [8] }]);
    expect(mind.on(arrival(2, { step: 2, node: 1, weightsVersion: 2 }))).toEqual([]);
    expect(mind.on({ type: 'computed', delivery: 1 })).toMatchObject([
      { type: 'publish', delivery: 1, task: { step: 4, weightsVersion: 7 } },
      { type: 'compute', delivery: 2, task: { step: 2, weightsVersion: 8 } },
    ]);
  });

  it('waits for weights that are new enough, and asks for them', () => {
    const mind = newest([3]);
    expect(mind.on(arrival(1, { step: 9, weightsVersion: 5 }))).toEqual([]);
    expect(mind.after(settings.readyEveryMs)).toContainEqual({ type: 'ready', run: 'r1', fence: 1 });
    expect(mind.on(weights(4))).toEqual([{ type: 'keep_weights', version: 4, versions: [4] }]);
    expect(mind.quietly(weights(6))).toMatchObject([
      { type: 'keep_weights' },
      { type: 'compute', task: { weightsVersion: 6 } },
    ]);
  });

  it('does not take a block in hand twice, whichever weights its second task names', () => {
    const mind = newest([3]);
    mind.on(arrival(1, { step: 4, weightsVersion: 2 }));
    expect(mind.on(arrival(2, { step: 4, weightsVersion: 3 }))).toEqual([ack(2)]);
  });

  it('has a validation computed on exactly the weights that it names', () => {
    const mind = newest([7]);
    expect(mind.on(arrival(1, { mode: 'evaluate', step: 6, pass: 1, weightsVersion: 6 }))).toEqual([ack(1)]);
    expect(mind.on(arrival(2, { mode: 'evaluate', step: 7, pass: 1, weightsVersion: 8 }))).toEqual([]);
    expect(mind.quietly(weights(8))).toMatchObject([
      { type: 'keep_weights' },
      { type: 'compute', delivery: 2, task: { weightsVersion: 8 } },
    ]);
  });
});
