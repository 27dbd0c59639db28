import { describe, expect, it } from 'vitest';
import type { ResultHeader } from '../../src/coordinator/decide/events.js';
import { Driver, published, rejected, types } from './support.js';

function twoBlocks(): { d: Driver; tasks: ReturnType<typeof published> } {
  const d = new Driver({ minWorkers: 2 });
  d.post({ type: 'started' });
  d.join('w1');
  return { d, tasks: published(d.join('w2')) };
}

describe('the ledger', () => {
  it('applies the step once every block is in, and goes on with the next', () => {
    const { d, tasks } = twoBlocks();
    expect(d.result(tasks[1])).toMatchObject([{ type: 'accept', node: 3, step: 0, pass: 0 }]);
    expect(types(d.result(tasks[0]))).toEqual(['accept', 'apply_step']);
    const next = d.post({ type: 'step_applied', step: 0, finite: true });
    expect(types(next)).toEqual(['broadcast_weights', 'open_front', 'publish_task', 'publish_task']);
    expect(next[0]).toEqual({ type: 'broadcast_weights', version: 1 });
    expect(published(next)[0]).toMatchObject({ step: 1, weightsVersion: 1, attempt: 0, cause: 'first' });
  });

  const cases: [string, Partial<ResultHeader>][] = [
    ['wrong_run', { run: 'run-2' }],
    ['stale_fence', { fence: 2 }],
    ['stale_fence', { fence: 4 }],
    ['stale_step', { step: 7 }],
    ['stale_step', { mode: 'evaluate' }],
    ['wrong_version', { weightsVersion: 5 }],
    ['unknown_node', { node: 0 }],
    ['unknown_node', { node: 8 }],
    ['unknown_node', { pass: 1 }],
    ['overlapping', { node: 1 }],
    ['overlapping', { node: 5 }],
    ['wrong_length', { samples: 31 }],
    ['wrong_length', { gradientLength: 9 }],
    ['wrong_length', { gradientLength: 9.5 }],
    ['wrong_length', { confusionLength: 99 }],
    ['not_finite', { finite: false }],
  ];
  it.each(cases)('rejects as %s: %o', (reason, changes) => {
    const { d, tasks } = twoBlocks();
    const actions = d.result(tasks[0], 'w1', changes);
    expect(rejected(actions)).toEqual([reason]);
    expect(types(actions)).not.toContain('accept');
    // The block is still wanted, and the right result still counts.
    expect(types(d.result(tasks[0], 'w2'))).toContain('accept');
  });

  it('counts a block once; a twin with the same bits is dropped in silence', () => {
    const { d, tasks } = twoBlocks();
    d.result(tasks[0], 'w1');
    expect(d.result(tasks[0], 'w2')).toEqual([{ type: 'reject', reason: 'duplicate', worker: 'w2' }]);
  });

  it('raises an alarm if a twin has other bits, also when its step is over', () => {
    const { d, tasks } = twoBlocks();
    d.result(tasks[0], 'w1');
    const twin = d.result(tasks[0], 'w2', { hash: 'other' });
    expect(twin[1]).toMatchObject({ type: 'alarm', unit: { node: 2, step: 0 }, workers: ['w1', 'w2'] });
    const late = d.header(tasks[1], 'w2', { hash: 'other' });
    d.perform(d.result(tasks[1], 'w1'));
    expect(d.state.position.step).toBe(1);
    const actions = d.post({ type: 'result', header: late });
    expect(rejected(actions)).toEqual(['duplicate']);
    expect(actions[1]).toMatchObject({ type: 'alarm', workers: ['w1', 'w2'] });
  });

  it('calls what is older than the step before stale', () => {
    const { d, tasks } = twoBlocks();
    const late = d.header(tasks[0], 'w1');
    let open = tasks;
    for (let step = 0; step < 2; step++) {
      open = published(open.flatMap((task) => d.perform(d.result(task))));
    }
    expect(d.state.position.step).toBe(2);
    expect(rejected(d.post({ type: 'result', header: late }))).toEqual(['stale_step']);
  });

  it('keeps the cut of a step when workers come, and uses them in the next one', () => {
    const { d, tasks } = twoBlocks();
    expect(published(d.join('w3'))).toEqual([]);
    expect(published(d.join('w4'))).toEqual([]);
    const next = published(tasks.flatMap((task) => d.perform(d.result(task))));
    expect(next.map(({ node }) => node)).toEqual([4, 5, 6, 7]);
  });
});

describe('failures', () => {
  it('sends a block that failed once to another worker', () => {
    const { d, tasks } = twoBlocks();
    const actions = d.fail(tasks[0], 'w1', 'a bad image');
    expect(published(actions)).toMatchObject([{ node: 2, attempt: 1, cause: 'failed' }]);
    expect(types(d.result(tasks[0], 'w2'))).toContain('accept');
  });

  it('quarantines a block that failed on two different workers and stops', () => {
    const { d, tasks } = twoBlocks();
    d.fail(tasks[0], 'w1', 'a bad image');
    const actions = d.fail(tasks[0], 'w2', 'a bad image');
    expect(types(actions)).toEqual(['quarantine', 'fail']);
    expect(actions[1]).toMatchObject({
      cause: { type: 'quarantine', unit: { mode: 'train', step: 0, pass: 0, node: 2 } },
    });
    expect(d.state.phase).toBe('ended');
    expect(d.post({ type: 'tick' })).toEqual([]);
  });

  it('gives up on a block that fails three times on the only worker', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    const tasks = published(d.join('w1'));
    expect(types(d.fail(tasks[0], 'w1'))).not.toContain('fail');
    expect(types(d.fail(tasks[0], 'w1'))).not.toContain('fail');
    expect(types(d.fail(tasks[0], 'w1'))).toContain('quarantine');
  });

  it('sends a worker away that fails twice on one block while others could try it', () => {
    const { d, tasks } = twoBlocks();
    d.fail(tasks[0], 'w1', 'out of memory');
    const actions = d.fail(tasks[0], 'w1', 'out of memory');
    expect(types(actions)).toEqual(['report', 'refuse', 'publish_task']);
    expect(d.state.workers.map(({ worker }) => worker)).toEqual(['w2']);
    expect(types(d.result(tasks[0], 'w2'))).toContain('accept');
  });

  it('blames each of several workers that died together', () => {
    const d = new Driver({ minWorkers: 3 });
    d.post({ type: 'started' });
    d.join('w1');
    d.join('w2');
    const [task] = published(d.join('w3'));
    d.beat('w1', [task.node]);
    d.beat('w2', [task.node]);
    const actions: ReturnType<Driver['wait']> = [];
    for (let second = 0; second < 6 && d.state.phase !== 'ended'; second++) {
      actions.push(...d.wait(1_000));
      d.beat('w3');
    }
    expect(actions.at(-1)).toMatchObject({
      type: 'fail',
      cause: {
        type: 'quarantine',
        unit: { node: task.node },
        failures: [{ worker: 'w1' }, { worker: 'w2' }],
      },
    });
  });

  it('counts a death with the block in hand, and quarantines after the second', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    d.join('w1');
    d.beat('w1', [1]);
    expect(types(d.wait(5_000))).not.toContain('fail');
    d.join('w2');
    d.beat('w2', [1]);
    const actions = d.wait(5_000);
    expect(types(actions)).toContain('quarantine');
    const cause = actions.find((action) => action.type === 'fail')?.cause;
    expect(cause).toMatchObject({ type: 'quarantine', failures: [{ worker: 'w1' }, { worker: 'w2' }] });
  });

  it('blames the training, not the samples, for results that are not finite', () => {
    const { d, tasks } = twoBlocks();
    const first = d.result(tasks[0], 'w1', { finite: false });
    expect(published(first)).toMatchObject([{ node: 2, cause: 'failed' }]);
    const second = d.result(tasks[0], 'w1', { finite: false });
    expect(second.at(-1)).toMatchObject({ type: 'fail', cause: { type: 'not_finite', step: 0 } });
  });

  it('stops when the optimizer makes parameters that are not finite', () => {
    const { d, tasks } = twoBlocks();
    for (const task of tasks) d.result(task);
    const actions = d.post({ type: 'step_applied', step: 0, finite: false });
    expect(actions).toMatchObject([{ type: 'fail', cause: { type: 'not_finite' } }]);
  });

  it('takes no failure report of another fence, run or step', () => {
    const { d, tasks } = twoBlocks();
    const { step, pass, node } = tasks[0];
    const message = {
      type: 'task_failed',
      run: 'run-1',
      fence: 3,
      step,
      pass,
      node,
      worker: 'w1',
      reason: 'x',
      samples: new Uint32Array(0),
    } as const;
    for (const changes of [{ fence: 2 }, { run: 'run-2' }, { step: 9 }, { node: 7 }]) {
      expect(d.post({ type: 'message', message: { ...message, ...changes } })).toEqual([]);
    }
  });
});
