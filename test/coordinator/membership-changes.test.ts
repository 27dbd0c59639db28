import { expect, it } from 'vitest';
import type { CoordinatorEvent } from '../../src/coordinator/decide/events.js';
import { membershipChanges } from '../../src/coordinator/membership-changes.js';
import { Driver } from './support.js';

const goodbye: CoordinatorEvent = {
  type: 'message',
  message: { type: 'goodbye', run: 'run-1', worker: 'w1', reason: 'drained' },
};

it('tells who joined, who left, and why', () => {
  const d = new Driver();
  d.post({ type: 'started' });
  const gathering = d.state;
  d.join('w1');
  d.join('w2');
  const both = d.state;
  expect(membershipChanges(gathering, both, { type: 'tick' })).toEqual({ joined: ['w1', 'w2'], left: [] });
  expect(membershipChanges(both, both, { type: 'tick' })).toEqual({ joined: [], left: [] });

  d.post(goodbye);
  const left = membershipChanges(both, d.state, goodbye);
  expect(left).toEqual({ joined: [], left: [{ worker: 'w1', cause: 'goodbye' }] });

  const alive = d.state;
  d.wait(10_000);
  const died = membershipChanges(alive, d.state, { type: 'tick' });
  expect(died.left).toEqual([{ worker: 'w2', cause: 'death' }]);

  const expelled = { ...alive, workers: [], expelled: [{ worker: 'w2', host: 'h', reason: 'lies' }] };
  const event: CoordinatorEvent = {
    type: 'result',
    header: d.header({ mode: 'train', step: 0, pass: 0, node: 1, weightsVersion: 0 }, 'w2'),
  };
  expect(membershipChanges(alive, expelled, event).left).toEqual([{ worker: 'w2', cause: 'expelled' }]);
  expect(membershipChanges(alive, { ...alive, workers: [] }, event).left).toEqual([
    { worker: 'w2', cause: 'refused' },
  ]);
});

it('does not take a word from somebody who is there for a change', () => {
  const d = new Driver();
  d.post({ type: 'started' });
  d.join('w1');
  const before = d.state;
  d.beat('w1', [1]);
  expect(d.state.workers).not.toBe(before.workers);
  expect(membershipChanges(before, d.state, { type: 'tick' })).toEqual({ joined: [], left: [] });
});
