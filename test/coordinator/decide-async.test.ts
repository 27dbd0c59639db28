import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/coordinator/decide/actions.js';
import type { Position, RunPlan } from '../../src/coordinator/decide/state.js';
import { createRandom } from '../../src/engine/index.js';
import { Driver, lines, type Publication, published, rejected, types } from './support.js';

/** Six steps an epoch, and a gradient may miss two updates. */
const sixSteps = { trainSamples: 6 * 64, epochs: 2, staleness: 2 } as const;

/** A run with two workers of one thread each: four steps in flight. */
function begun(
  changes: Partial<RunPlan> = {},
  position: Position = { step: 0, ahead: [], recordedEpochs: 0 },
): { d: Driver; first: Action[]; tasks: Map<number, Publication> } {
  const d = new Driver({ ...sixSteps, minWorkers: 2, ...changes }, position);
  d.post({ type: 'started' });
  const first = [...d.join('w1'), ...d.join('w2')];
  const tasks = new Map(published(first).map((task) => [task.step, task]));
  return { d, first, tasks };
}

const steps = (actions: Action[]): number[] => published(actions).map(({ step }) => step);
const applied = (actions: Action[]): number[] =>
  actions.flatMap((action) => (action.type === 'apply_step' ? [action.step] : []));
const broadcast = (actions: Action[]): number[] =>
  actions.flatMap((action) => (action.type === 'broadcast_weights' ? [action.version] : []));

/** The result of a step, computed on these weights. */
const result = (d: Driver, step: number, weightsVersion: number, worker = 'w1'): Action[] =>
  d.result({ mode: 'train', step, pass: 0, node: 1, weightsVersion }, worker);

describe('asynchronous training', () => {
  it('has one step of its own in flight for each thread, and one more for each worker', () => {
    const { first } = begun();
    expect(steps(first)).toEqual([0, 1, 2, 3]);
    expect(published(first).map(({ node }) => node)).toEqual([1, 1, 1, 1]);
    expect(broadcast(first)).toEqual([0]);
  });

  it('applies a gradient when it comes, whichever step it is of, and sends weights and a step at once', () => {
    const { d } = begun();
    const actions = d.perform(result(d, 2, 0));
    expect(types(actions)).toEqual([
      'accept',
      'apply_step',
      'broadcast_weights',
      'open_front',
      'publish_task',
    ]);
    expect(applied(actions)).toEqual([2]);
    expect(broadcast(actions)).toEqual([1]);
    expect(steps(actions)).toEqual([4]);
    expect(d.state.position).toMatchObject({ step: 1, ahead: [2] });
    expect(applied(d.perform(result(d, 0, 1)))).toEqual([0]);
    expect(d.state.position).toMatchObject({ step: 2, ahead: [2] });
    expect(applied(d.perform(result(d, 1, 1)))).toEqual([1]);
    expect(d.state.position).toMatchObject({ step: 3, ahead: [] });
  });

  it('says how many updates each gradient misses', () => {
    const { d } = begun();
    const late = [0, 1, 2].flatMap((step) =>
      d.perform(result(d, step, 0)).flatMap((action) => (action.type === 'accept' ? [action.staleness] : [])),
    );
    expect(late).toEqual([0, 1, 2]);
  });

  it('refuses a gradient that misses more updates than it may, and has the step computed on newer weights', () => {
    const { d } = begun();
    for (const step of [0, 1, 2]) d.perform(result(d, step, 0));
    const actions = d.perform(result(d, 3, 0, 'w2'));
    expect(rejected(actions)).toEqual(['too_stale']);
    expect(applied(actions)).toEqual([]);
    // Half of the bound is left for the way there and back.
    expect(published(actions)).toMatchObject([{ step: 3, attempt: 1, cause: 'stale', weightsVersion: 2 }]);
    expect(d.state.position).toMatchObject({ step: 3, ahead: [] });
    // The same message once more: what was sent in its place is on its way.
    const again = d.perform(result(d, 3, 0, 'w2'));
    expect([rejected(again), published(again)]).toEqual([['too_stale'], []]);
    expect(applied(d.perform(result(d, 3, 2, 'w2')))).toEqual([3]);
  });

  it('with a bound of 0 takes one of those that were computed on the same weights', () => {
    const { d } = begun({ staleness: 0 });
    expect(applied(d.perform(result(d, 1, 0)))).toEqual([1]);
    const refused = d.perform(result(d, 0, 0));
    expect(rejected(refused)).toEqual(['too_stale']);
    expect(published(refused)).toMatchObject([{ step: 0, weightsVersion: 1 }]);
    expect(applied(d.perform(result(d, 0, 1)))).toEqual([0]);
  });

  it('counts those before it that are not applied yet, and applies them in the order in which they came', () => {
    const { d } = begun({ staleness: 2 });
    // Nothing says that step 3 has been applied.
    expect(applied(result(d, 3, 0))).toEqual([3]);
    expect(d.state.phase).toBe('performing');
    expect(types(result(d, 2, 0))).toEqual(['accept']);
    expect(types(result(d, 0, 0))).toEqual(['accept']);
    expect(rejected(result(d, 1, 0))).toEqual(['too_stale']);
    const rest = d.perform(d.post({ type: 'step_applied', step: 3, finite: true }));
    expect(applied(rest)).toEqual([2, 0]);
    expect(d.state.position).toMatchObject({ step: 3, ahead: [2, 3] });
  });

  it('refuses gradients of weights that there are not yet, and of the average', () => {
    const { d } = begun();
    expect(rejected(result(d, 0, 1))).toEqual(['wrong_version']);
    const averaging = begun({ averages: true });
    expect(rejected(result(averaging.d, 0, 0))).toEqual(['wrong_version']);
    expect(types(result(averaging.d, 0, 1))).toEqual(['accept', 'apply_step']);
  });

  it('raises no alarm about two results that differ: they are of different weights', () => {
    const { d } = begun();
    d.perform(result(d, 1, 0));
    const twin = { mode: 'train', step: 1, pass: 0, node: 1, weightsVersion: 1 } as const;
    expect(types(d.result(twin, 'w2', { hash: 'another' }))).toEqual(['reject']);
    d.post({ type: 'result', header: d.header({ ...twin, step: 0 }, 'w1') });
    expect(d.state.phase).toBe('performing');
    expect(types(d.result({ ...twin, step: 0 }, 'w2', { hash: 'another' }))).toEqual(['reject']);
  });

  it('validates after every step of an epoch, on exactly its last weights, and begins the next one on those', () => {
    const { d, first } = begun({ validationSamples: 16 });
    const open = new Set(steps(first));
    const all: Action[] = [];
    while (open.size > 1) {
      const [step] = [...open].toReversed();
      open.delete(step);
      const actions = d.perform(result(d, step, d.state.position.step));
      for (const next of steps(actions)) open.add(next);
      all.push(...actions);
    }
    expect(all.some(({ type }) => type === 'record_epoch')).toBe(false);
    const evaluation = published(d.perform(result(d, 0, d.state.position.step)));
    expect(evaluation).toMatchObject([{ mode: 'evaluate', step: 5, weightsVersion: 6 }]);
    expect(rejected(d.result({ ...evaluation[0], weightsVersion: 5 }))).toEqual(['wrong_version']);
    const next = d.perform(d.result(evaluation[0]));
    expect(steps(next)).toEqual([6, 7, 8, 9]);
    expect(published(next).map(({ weightsVersion }) => weightsVersion)).toEqual([6, 6, 6, 6]);
    expect(broadcast(next)).toEqual([6]);
  });

  it('goes on where a checkpoint was, with the steps that it lacks', () => {
    const { d, first } = begun({}, { step: 3, ahead: [2, 4], recordedEpochs: 0 });
    expect(steps(first)).toEqual([1, 3, 5]);
    expect(applied([1, 3, 5].flatMap((step) => d.perform(result(d, step, 3))))).toEqual([1, 3, 5]);
    expect(d.state.position).toMatchObject({ step: 6, ahead: [], recordedEpochs: 1 });
  });

  it('sends again what one worker holds while others go on, without waiting for them to end', () => {
    const { d } = begun({ trainSamples: 640 * 64, epochs: 1 });
    const again: Action[] = [];
    for (let i = 0; i < 200 && again.length === 0; i++) {
      const free = d.state.fronts.find(({ step }) => step > 0);
      d.perform(result(d, free?.step ?? 0, d.state.position.step));
      again.push(...published(d.wait(500)).filter(({ cause }) => cause === 'slow'));
      d.beat('w1');
      d.beat('w2');
    }
    expect(again).toMatchObject([{ step: 0, cause: 'slow' }]);
  });

  it('says at once where the bound is too tight for the threads that are there', () => {
    expect(lines(begun({ staleness: 2 }).first).join('\n')).toMatch(
      /With 4 steps in flight a gradient misses 3 updates, but at most 2 are allowed.*--staleness 3/,
    );
    expect(lines(begun({ staleness: 3 }).first).join('\n')).not.toMatch(/in flight/);
  });

  it('applies every step of every epoch once, whatever comes when, and none too late', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = createRandom(seed);
    for (let run = 0; run < 40; run++) {
      const staleness = random.below(5);
      const { d, first } = begun({ staleness, validationSamples: random.below(2) * 16 });
      const inHand = [...published(first)];
      const done: number[] = [];
      while (d.state.outcome === null) {
        const at = random.below(inHand.length);
        const [task] = random.below(4) === 0 ? [inHand[at]] : inHand.splice(at, 1);
        const isTraining = task.mode === 'train';
        const newest = d.state.position.step;
        const since = isTraining ? random.below(newest - task.weightsVersion + 1) : 0;
        const on = task.weightsVersion + since;
        const actions = d.perform(d.result({ ...task, weightsVersion: on }));
        if (isTraining && applied(actions).length > 0)
          expect(newest - on, `seed ${seed}`).toBeLessThanOrEqual(staleness);
        done.push(...applied(actions));
        inHand.push(...published(actions));
      }
      const sorted = done.toSorted((a, b) => a - b);
      expect(sorted, `seed ${seed}`).toEqual(Array.from({ length: 12 }, (_, step) => step));
    }
  });
});
