import { describe, expect, it } from 'vitest';
import { isAudited } from '../../src/coordinator/decide/audit.js';
import type { RunPlan } from '../../src/coordinator/decide/state.js';
import { asked, Driver, plan, published, rejected, types } from './support.js';

/** Every block audited; one step of two blocks is open. */
function audited(
  workers: string[],
  changes: Partial<RunPlan> = {},
): { d: Driver; tasks: ReturnType<typeof published> } {
  const d = new Driver({ auditShare: 1, minWorkers: workers.length, ...changes });
  d.post({ type: 'started' });
  const joined = workers.flatMap((worker) => d.join(worker, workers.length > 2 ? 1 : 1));
  return { d, tasks: published(joined) };
}

const expelled = (actions: ReturnType<Driver['post']>): string[] =>
  actions.flatMap((action) => (action.type === 'expelled' ? [action.worker] : []));
const outcomes = (actions: ReturnType<Driver['post']>): string[] =>
  actions.flatMap((action) => (action.type === 'audited' ? [action.outcome] : []));

const draw = (changes: Partial<RunPlan>): string =>
  Array.from({ length: 4000 }, (_, step) =>
    isAudited({ ...plan, ...changes }, { mode: 'train', step, pass: 0, node: 2 }) ? '1' : '0',
  ).join('');

/** w1 has been expelled in step 0, with an unaudited block of its own folded already. */
function withExpelled(): { d: Driver; actions: ReturnType<Driver['post']> } {
  const d = new Driver({ minWorkers: 3, auditShare: 1e-12, seed: 5 });
  d.post({ type: 'started' });
  d.hello('w1', { host: 'bad' });
  d.ready('w1');
  d.join('w2');
  const tasks = published(d.join('w3'));
  expect(tasks).toHaveLength(4);
  d.result(tasks[0], 'w1');
  const twin = d.result(tasks[0], 'w1', { hash: 'other' });
  return { d, actions: twin };
}

describe('the draw of audited blocks', () => {
  it('is about the share that was asked for, and a function of seed, step and node', () => {
    const drawn = draw({ auditShare: 0.05 });
    const count = drawn.replaceAll('0', '').length;
    expect(count).toBeGreaterThan(140);
    expect(count).toBeLessThan(260);
    expect(draw({ auditShare: 0.05 })).toBe(drawn);
    expect(draw({ auditShare: 0.05, seed: 6 })).not.toBe(drawn);
    expect(draw({ auditShare: 0 })).not.toContain('1');
    expect(draw({ auditShare: 1 })).not.toContain('0');
  });
});

describe('an audited block', () => {
  it('is folded only when a second worker has said the same', () => {
    const { d, tasks } = audited(['w1', 'w2']);
    const first = d.result(tasks[0], 'w1');
    expect(types(first)).toEqual(['ask']);
    expect(asked(first)).toMatchObject([{ worker: 'w2', node: 2, step: 0, attempt: 1, cause: 'audit' }]);
    // The same worker's word twice is no second opinion.
    expect(types(d.result(tasks[0], 'w1'))).not.toContain('accept');
    expect(types(d.result(tasks[0], 'w2'))).toEqual(['audited', 'accept']);
    expect(asked(d.result(tasks[1], 'w2'))).toMatchObject([{ worker: 'w1', node: 3 }]);
    const last = d.result(tasks[1], 'w1');
    expect(types(last)).toEqual(['audited', 'accept', 'apply_step']);
    expect(outcomes(last)).toEqual(['agreed']);
  });

  it('is asked for again when the one who was asked comes back: the question went with its inbox', () => {
    const { d, tasks } = audited(['w1', 'w2']);
    expect(asked(d.result(tasks[0], 'w1'))).toMatchObject([{ worker: 'w2', node: 2 }]);
    expect(asked(d.ready('w1'))).toEqual([]);
    expect(asked(d.ready('w2'))).toMatchObject([{ worker: 'w2', node: 2, attempt: 2, cause: 'audit' }]);
  });

  it('is taken as it is when there is nobody to compare with', () => {
    const { d, tasks } = audited(['w1']);
    const actions = tasks.flatMap((task) => d.result(task, 'w1'));
    expect(types(actions)).toEqual(['audited', 'accept', 'apply_step']);
    expect(outcomes(actions)).toEqual(['skipped']);
  });

  it('is asked of the only worker once more when the one who could confirm it is gone', () => {
    const { d, tasks } = audited(['w1', 'w2']);
    d.result(tasks[0], 'w1');
    d.result(tasks[0], 'w1');
    const gone = d.post({
      type: 'message',
      message: { type: 'goodbye', run: 'run-1', worker: 'w2', reason: 'x' },
    });
    expect(asked(gone)).toMatchObject([{ worker: 'w1', node: 2 }]);
    expect(outcomes(d.result(tasks[0], 'w1'))).toEqual(['skipped']);
  });

  it('goes to somebody else when the second worker fails, leaves or dies', () => {
    for (const end of ['fail', 'goodbye', 'death'] as const) {
      const { d, tasks } = audited(['w1', 'w2', 'w3', 'w4']);
      const [first] = asked(d.result(tasks[0], 'w1'));
      const second = first?.worker ?? '';
      const others = ['w2', 'w3', 'w4'].filter((worker) => worker !== second);
      let actions: ReturnType<Driver['post']> = [];
      if (end === 'fail') actions = d.fail(tasks[0], second);
      if (end === 'goodbye') {
        const message = { type: 'goodbye', run: plan.run, worker: second, reason: 'SIGTERM' } as const;
        actions = d.post({ type: 'message', message });
      }
      if (end === 'death') {
        for (let i = 0; i < 6; i++) {
          actions.push(...d.wait(1_000));
          for (const worker of ['w1', ...others]) d.beat(worker);
        }
      }
      expect(others).toContain(asked(actions)[0]?.worker);
    }
  });
});

describe('a mismatch', () => {
  it('is decided by a third worker; who computed wrongly is expelled, and only the right bits are folded', () => {
    const { d, tasks } = audited(['w1', 'w2', 'w3']);
    d.beat('w2', [3]);
    const [second] = asked(d.result(tasks[0], 'w1', { hash: 'wrong' }));
    const right = second?.worker ?? '';
    const third = right === 'w2' ? 'w3' : 'w2';
    const disputed = d.result(tasks[0], right);
    expect(types(disputed)).toEqual(['ask']);
    expect(asked(disputed)).toMatchObject([{ worker: third, node: tasks[0].node }]);
    const decided = d.result(tasks[0], third);
    expect(types(decided)).toEqual(['audited', 'accept', 'refuse', 'expelled']);
    expect(outcomes(decided)).toEqual(['mismatch']);
    expect(expelled(decided)).toEqual(['w1']);
    expect(d.state.fronts[0]?.units[0]?.accepted).toEqual({ worker: third, hash: `h0/${tasks[0].node}` });
  });

  it('between two workers is put to both again: who contradicts himself is expelled', () => {
    const { d, tasks } = audited(['w1', 'w2']);
    d.result(tasks[0], 'w1', { hash: 'flipped' });
    expect(asked(d.result(tasks[0], 'w2'))).toMatchObject([{ worker: 'w1' }]);
    const unsteady = d.result(tasks[0], 'w1');
    expect(expelled(unsteady)).toEqual(['w1']);
    // Nobody kept the other's tensor: it computes once more, and is believed.
    expect(asked(unsteady)).toMatchObject([{ worker: 'w2', node: 2, cause: 'expelled' }]);
    expect(types(d.result(tasks[0], 'w2'))).toEqual(['audited', 'accept']);
  });

  it('between two that both insist waits for a third, and uses neither', () => {
    const { d, tasks } = audited(['w1', 'w2']);
    d.result(tasks[0], 'w1', { hash: 'wrong' });
    d.result(tasks[0], 'w2');
    d.result(tasks[0], 'w1', { hash: 'wrong' });
    const stuck = d.result(tasks[0], 'w2');
    expect(outcomes(stuck)).toEqual(['disputed']);
    expect(stuck.find((action) => action.type === 'audited')).toMatchObject({
      line: expect.stringMatching(
        /^Audit: w1 and w2 give different results for block 2 of step 0.* Start one\.$/,
      ),
    });
    const arbiter = d.join('w3');
    expect(asked(arbiter)).toMatchObject([{ worker: 'w3', node: 2 }]);
    const decided = d.result(tasks[0], 'w3');
    expect(expelled(decided)).toEqual(['w1']);
    expect(types(decided)).toContain('accept');
  });

  it('that nobody comes to decide stops the run, if there is an end to the waiting', () => {
    const { d, tasks } = audited(['w1', 'w2'], { workerWaitMs: 20_000 });
    d.result(tasks[1], 'w1');
    d.result(tasks[1], 'w2');
    for (const hash of ['a', 'a']) {
      d.result(tasks[0], 'w1', { hash });
      d.result(tasks[0], 'w2', { hash: 'b' });
    }
    const actions: ReturnType<Driver['post']> = [];
    for (let i = 0; i < 22; i++) {
      actions.push(...d.wait(1_000));
      for (const worker of ['w1', 'w2']) d.beat(worker);
    }
    expect(actions.at(-1)).toMatchObject({
      type: 'fail',
      cause: { type: 'disputed', unit: { node: 2, step: 0 }, workers: ['w1', 'w2'] },
    });
    expect(types(actions)).not.toContain('accept');
  });
});

describe('an expelled worker', () => {
  it('has its step computed anew without it', () => {
    const { d, actions } = withExpelled();
    expect(expelled(actions)).toEqual(['w1']);
    const after = types(actions).slice(types(actions).indexOf('expelled') + 1);
    expect(after.slice(0, 3)).toEqual(['purge_tasks', 'broadcast_weights', 'open_front']);
    expect(published(actions).length).toBeGreaterThan(0);
    expect(d.state.fronts[0]?.units.every((unit) => unit.accepted === null)).toBe(true);
    expect(d.state.workers.map(({ worker }) => worker)).toEqual(['w2', 'w3']);
  });

  it('is not believed, and is refused by its name and by its machine', () => {
    const { d, actions } = withExpelled();
    const [task] = published(actions);
    expect(rejected(d.result(task, 'w1'))).toEqual(['expelled']);
    for (const again of [
      d.beat('w1'),
      d.ready('w1'),
      d.hello('w1', { host: 'bad' }),
      d.hello('w1', { host: 'elsewhere' }),
    ]) {
      expect(types(again)).toEqual(['refuse']);
    }
    const renamed = d.hello('w9', { host: 'bad' });
    expect(renamed).toMatchObject([
      { type: 'refuse', worker: 'w9', reason: expect.stringContaining('w1 of this machine (bad)') },
    ]);
    expect(types(d.hello('w8', { host: 'good' }))).toEqual(['offer']);
    expect(d.state.workers.map(({ worker }) => worker)).toEqual(['w2', 'w3', 'w8']);
  });

  it('is one whose results are not finite, or too short, where others are fine', () => {
    const d = new Driver({ minWorkers: 3, trainSamples: 64 * 10 });
    d.post({ type: 'started' });
    d.join('w1');
    d.join('w2');
    let tasks = published(d.join('w3'));
    expect(types(d.result(tasks[0], 'w1', { finite: false }))).not.toContain('expelled');
    expect(expelled(d.result(tasks[0], 'w2'))).toEqual([]);
    tasks = published(d.perform(tasks.slice(1).flatMap((task) => d.result(task, 'w2'))));
    d.result(tasks[1], 'w1', { gradientLength: 3 });
    expect(expelled(d.result(tasks[1], 'w3'))).toEqual(['w1']);
  });
});

describe('twins that differ', () => {
  it('have the step computed anew, every block by two workers, where audits are on', () => {
    const d = new Driver({ minWorkers: 3, auditShare: 1e-12 });
    d.post({ type: 'started' });
    d.join('w1');
    d.join('w2');
    const tasks = published(d.join('w3'));
    d.result(tasks[0], 'w1', { hash: 'wrong' });
    const actions = d.result(tasks[0], 'w2');
    expect(types(actions).slice(0, 5)).toEqual([
      'reject',
      'alarm',
      'purge_tasks',
      'broadcast_weights',
      'open_front',
    ]);
    expect(d.state.fronts[0]?.units.every((unit) => unit.audit !== null)).toBe(true);
  });
});
