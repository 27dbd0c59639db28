import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/coordinator/decide/actions.js';
import type { Position, RunPlan } from '../../src/coordinator/decide/state.js';
import { asked, Driver, lines, type Publication, published, rejected, types } from './support.js';

/** Five steps to an epoch. */
const fiveSteps = { trainSamples: 320, epochs: 2 };

/** With one worker of one thread, so that each step is one block. */
function begun(
  delay: number,
  changes: Partial<RunPlan> = {},
  position?: Position,
): { d: Driver; first: Action[] } {
  const d = new Driver({ delay, ...fiveSteps, ...changes }, position);
  d.post({ type: 'started' });
  return { d, first: d.join('w1') };
}

const steps = (actions: Action[]): number[] => published(actions).map(({ step }) => step);
const broadcast = (actions: Action[]): number[] =>
  actions.flatMap((action) => (action.type === 'broadcast_weights' ? [action.version] : []));
const applied = (actions: Action[]): number[] =>
  actions.flatMap((action) => (action.type === 'apply_step' ? [action.step] : []));

/** Computes every task in the order in which it was published, until there are none left. */
function train(d: Driver, first: Action[]): Action[] {
  const all = [...first];
  const queue = [...published(first)];
  for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
    const after = d.perform(d.result(task));
    all.push(...after);
    queue.push(...published(after));
  }
  return all;
}

describe('a delay', () => {
  it.each([
    [0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [1, [0, 0, 1, 2, 3, 5, 5, 6, 7, 8]],
    [2, [0, 0, 0, 1, 2, 5, 5, 5, 6, 7]],
  ])(
    'of %i: each step names the weights of so many before it, and the first ones of an epoch its first',
    (delay, versions) => {
      const { d, first } = begun(delay, { validationSamples: 16 });
      const all = train(d, first);
      const training = published(all).filter(({ mode }) => mode === 'train');
      expect(training.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(training.map(({ weightsVersion }) => weightsVersion)).toEqual(versions);
      const validations = published(all).filter(({ mode }) => mode === 'evaluate');
      expect(validations.map(({ step, weightsVersion }) => [step, weightsVersion])).toEqual([
        [4, 5],
        [9, 10],
      ]);
      expect(applied(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(types(all).at(-1)).toBe('finish');
      // Each version once for an epoch or a validation, and none that no work is done with.
      const parts = [versions.slice(0, 5), [5], versions.slice(5), [10]];
      expect(broadcast(all)).toEqual(parts.flatMap((part) => [...new Set(part)]));
    },
  );

  it('names versions of its own where the run keeps an average', () => {
    const { d, first } = begun(1, { averages: true, epochs: 1, validationSamples: 16 });
    const all = train(d, first);
    expect(published(all).map(({ weightsVersion }) => weightsVersion)).toEqual([1, 1, 3, 5, 7, 10]);
  });

  it('has so many steps in flight at once, and sends the next one before the last is applied', () => {
    const { d, first } = begun(1);
    const [step0, step1] = published(first);
    expect(steps(first)).toEqual([0, 1]);
    expect(d.result(step1)).toMatchObject([{ type: 'accept', step: 1 }]);
    // Both are whole: step 0 is applied, the weights go out to step 2, and only then is step 1 applied.
    const actions = d.perform(d.result(step0));
    expect(types(actions)).toEqual([
      'accept',
      'apply_step',
      'broadcast_weights',
      'open_front',
      'publish_task',
      'apply_step',
      'broadcast_weights',
      'open_front',
      'publish_task',
    ]);
    expect(applied(actions)).toEqual([0, 1]);
    expect(steps(actions)).toEqual([2, 3]);
  });

  it('takes results of the steps in flight while one is being applied', () => {
    const { d, first } = begun(1);
    const [step0, step1] = published(first);
    d.result(step0);
    expect(d.state.phase).toBe('performing');
    expect(types(d.result(step1))).toEqual(['accept']);
    const after = d.perform(d.post({ type: 'step_applied', step: 0, finite: true }));
    expect(applied(after)).toEqual([1]);
  });

  it('opens nothing of the next epoch before this one is validated and recorded', () => {
    const { d } = begun(2, { validationSamples: 16 }, { step: 3, recordedEpochs: 0 });
    const inFlight = d.state.fronts.map(({ step }) => step);
    expect(inFlight).toEqual([3, 4]);
    const first = d.state.fronts.flatMap(({ mode, step, weightsVersion }) => ({
      mode,
      step,
      pass: 0,
      node: 1,
      weightsVersion,
    }));
    const [step3, step4] = first;
    expect(steps(d.perform(d.result(step3)))).toEqual([]);
    const evaluation = d.perform(d.result(step4));
    expect(published(evaluation)).toMatchObject([{ mode: 'evaluate', step: 4, weightsVersion: 5 }]);
    expect(d.state.fronts).toHaveLength(1);
    const next = d.perform(d.result(published(evaluation)[0]));
    expect(published(next).map(({ step, weightsVersion }) => [step, weightsVersion])).toEqual([
      [5, 5],
      [6, 5],
      [7, 5],
    ]);
    expect(broadcast(next)).toEqual([5]);
  });

  it('goes on in mid-epoch with the weights of before, oldest first', () => {
    const { first } = begun(1, {}, { step: 7, recordedEpochs: 1 });
    expect(broadcast(first)).toEqual([6, 7]);
    expect(published(first).map(({ step, weightsVersion }) => [step, weightsVersion])).toEqual([
      [7, 6],
      [8, 7],
    ]);
  });

  it('refuses what was computed on other weights, newer ones included', () => {
    const { d, first } = begun(1);
    const next = d.perform(d.result(published(first)[0]));
    const [step2] = published(next);
    expect(step2).toMatchObject({ step: 2, weightsVersion: 1 });
    expect(rejected(d.result(step2, 'w1', { weightsVersion: 0 }))).toEqual(['wrong_version']);
    expect(rejected(d.result(step2, 'w1', { weightsVersion: 2 }))).toEqual(['wrong_version']);
  });

  it('stops at the step that is applied, whatever is in flight', () => {
    const { d, first } = begun(1);
    d.perform(d.result(published(first)[0]));
    expect(d.state.position.step).toBe(1);
    expect(types(d.post({ type: 'stop_requested' }))).toEqual(['save_checkpoint']);
    expect(d.state.fronts).toEqual([]);
    expect(rejected(d.result(published(first)[1]))).toEqual(['stale_step']);
  });
});

/** Steps 2 and 3 are open, on versions 1 and 2, with a block for each of three workers' threads. */
function underway(changes: Partial<RunPlan> = {}): { d: Driver; older: Publication[]; newer: Publication[] } {
  const d = new Driver({ delay: 1, minWorkers: 3, ...fiveSteps, ...changes }, { step: 2, recordedEpochs: 0 });
  d.post({ type: 'started' });
  d.join('w1');
  d.join('w2');
  const tasks = published(d.join('w3'));
  return { d, older: tasks.filter(({ step }) => step === 2), newer: tasks.filter(({ step }) => step === 3) };
}

/** So much time in which every worker says that it is there, and nothing else. */
function alive(d: Driver, ms: number): Action[] {
  return Array.from({ length: ms / 1_000 }, () => {
    for (const worker of ['w1', 'w2', 'w3']) d.beat(worker);
    return d.wait(1_000);
  }).flat();
}

describe('what goes wrong', () => {
  it('gives somebody who joins the weights of everything in flight', () => {
    const { d } = underway();
    const joined = d.join('w4');
    expect(joined.flatMap((action) => (action.type === 'send_weights' ? [action.version] : []))).toEqual([
      1, 2,
    ]);
  });

  it('sends again after an outage whatever is outstanding of every step, and its weights', () => {
    const { d, older, newer } = underway();
    d.result(older[0], 'w1');
    d.result(newer[1], 'w2');
    d.post({ type: 'link_down', reason: 'cut' });
    const back = d.post({ type: 'link_up' });
    expect(broadcast(back)).toEqual([1, 2]);
    const outstanding = [...older.slice(1), newer[0], ...newer.slice(2)];
    expect(published(back).map(({ step, node }) => [step, node])).toEqual(
      outstanding.map(({ step, node }) => [step, node]),
    );
  });

  it('sends again what a dead worker said that it had in hand, step by step', () => {
    const { d, older, newer } = underway();
    d.beat('w1', [older[0].node, newer[1].node], { steps: [2, 3] });
    d.wait(3_000);
    d.beat('w2');
    d.beat('w3');
    const actions = d.wait(1_000);
    expect(published(actions).map(({ step, node, cause }) => [step, node, cause])).toEqual([
      [2, older[0].node, 'death'],
      [3, newer[1].node, 'death'],
    ]);
    const blamed = d.state.fronts.flatMap(({ step, units }) =>
      units.filter(({ failures }) => failures.length > 0).map(({ node }) => [step, node]),
    );
    expect(blamed).toEqual([
      [2, older[0].node],
      [3, newer[1].node],
    ]);
  });

  it('sends a block that failed again, and not that of the same node in another step', () => {
    const { d, newer } = underway();
    const again = published(d.fail(newer[0], 'w1'));
    expect(again).toMatchObject([{ step: 3, node: newer[0].node, attempt: 1, weightsVersion: 2 }]);
  });

  it('takes no block for slow as long as any other comes back', () => {
    const { d, older, newer } = underway();
    for (const task of [...older.slice(1), newer[0]]) {
      expect(published(alive(d, 40_000))).toEqual([]);
      d.result(task, 'w1');
    }
    expect(published(alive(d, 40_000))).toEqual([]);
    // Then everything outstanding, with the weights of both steps.
    const actions = alive(d, 30_000);
    expect(broadcast(actions)).toEqual([1, 2]);
    expect(published(actions)[0]).toMatchObject({ step: 2, node: older[0].node, cause: 'slow' });
  });

  it('says what the oldest step waits for', () => {
    const { d, older, newer } = underway();
    for (const task of [...older.slice(1), ...newer]) d.result(task, 'w1');
    expect(lines(alive(d, 12_000))).toEqual([expect.stringMatching(/^Step 2 waits for 1 of \d blocks: /)]);
  });

  it('knows the twins of as many steps as may be in flight', () => {
    const { d, older, newer } = underway();
    for (const task of [...newer, ...older]) d.perform(d.result(task, 'w1'));
    expect(d.state.position.step).toBe(4);
    for (const task of [older[0], newer[0]]) {
      expect(rejected(d.result(task, 'w2'))).toEqual(['duplicate']);
      expect(types(d.result(task, 'w2', { hash: 'other' }))).toEqual(['reject', 'alarm']);
    }
  });

  it('computes anew only the steps that an expelled worker alone answered for, and sends the others again after the purge', () => {
    const { d, older, newer } = underway({ auditShare: 1e-12 });
    d.result(older[0], 'w2');
    d.result(newer[0], 'w1');
    const actions = d.result(newer[0], 'w1', { hash: 'other' });
    expect(types(actions).slice(0, 5)).toEqual(['reject', 'alarm', 'refuse', 'expelled', 'purge_tasks']);
    expect(actions.find((action) => action.type === 'expelled')).toMatchObject({
      line: expect.stringContaining('Step 3 is computed anew without it.'),
    });
    expect(actions.flatMap((action) => (action.type === 'open_front' ? [action.step] : []))).toEqual([3]);
    const outstanding = older.slice(1).map(({ node }) => node);
    expect(
      published(actions)
        .filter(({ step }) => step === 2)
        .map(({ node }) => node),
    ).toEqual(outstanding);
    expect(d.state.fronts.map(({ step, weightsVersion }) => [step, weightsVersion])).toEqual([
      [2, 1],
      [3, 2],
    ]);
    // What the others have computed of step 2 still counts.
    expect(d.state.fronts[0].units[0].accepted?.worker).toBe('w2');
    expect(d.state.fronts[1].units.every(({ accepted }) => accepted === null)).toBe(true);
  });

  it('computes anew all the steps that it had a part in', () => {
    const { d, older, newer } = underway({ auditShare: 1e-12 });
    d.result(older[0], 'w1');
    d.result(newer[0], 'w1');
    const actions = d.result(older[0], 'w1', { hash: 'other' });
    expect(actions.find((action) => action.type === 'expelled')).toMatchObject({
      line: expect.stringContaining('Steps 2 and 3 are computed anew without it.'),
    });
    expect(actions.flatMap((action) => (action.type === 'open_front' ? [action.step] : []))).toEqual([2, 3]);
    expect(types(actions).filter((type) => type === 'purge_tasks')).toHaveLength(1);
  });

  it('has a step of twins that differ computed by two workers, and no other', () => {
    const { d, older, newer } = underway({ auditShare: 1e-12 });
    d.result(older[0], 'w1', { hash: 'wrong' });
    d.result(older[0], 'w2');
    expect(d.state.fronts.map(({ suspect }) => suspect)).toEqual([true, false]);
    expect(d.state.fronts[1].units.map(({ attempt }) => attempt)).toEqual(newer.map(() => 1));
    expect(types(d.result(newer[0], 'w2'))).toEqual(['accept']);
    const { node } = d.state.fronts[0].units[0];
    const question = d.result({ mode: 'train', step: 2, pass: 0, node, weightsVersion: 1 }, 'w2');
    expect(asked(question)).toMatchObject([{ step: 2, node, weightsVersion: 1 }]);
  });
});
