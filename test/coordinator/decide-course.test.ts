import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/coordinator/decide/actions.js';
import { Driver, published, types } from './support.js';

/** Answers every task, until nothing is asked for any more; returns all actions. */
function runToEnd(d: Driver, first: Action[]): Action[] {
  const all = d.perform(first);
  for (let open = published(all); open.length > 0; ) {
    const next = open.flatMap((task) => d.perform(d.result(task)));
    all.push(...next);
    open = published(next);
  }
  return all;
}

const milestones = (actions: Action[]): string[] =>
  actions.flatMap((action) => {
    if (action.type === 'apply_step') return [`step ${action.step}`];
    if (action.type === 'open_front' && action.mode === 'evaluate') return [`validate after ${action.step}`];
    if (action.type === 'record_epoch')
      return [`epoch ${action.epoch}${action.validated ? ' validated' : ''}`];
    return ['save_checkpoint', 'finish', 'leave'].includes(action.type) ? [action.type] : [];
  });

describe('a loss that is suspiciously high', () => {
  const high = { steps: 200, mean: 5, best: 1, above: 3 };

  it('adds no checkpoint to those from before, not even one that was waiting for its turn', () => {
    const d = new Driver({ checkpointEveryMs: 0, trainSamples: 64 * 10 });
    d.post({ type: 'started' });
    let [task] = published(d.join('w1'));
    const step = (trend: typeof high): string[] => {
      const { step: done } = task;
      const actions = [
        ...d.result(task),
        ...d.post({ type: 'step_applied', step: done, finite: true, trend }),
      ];
      [task] = published(actions);
      return types(actions);
    };
    expect(step({ ...high, above: 0 })).toContain('save_checkpoint');
    expect(step(high)).not.toContain('save_checkpoint');
    d.state = { ...d.state, checkpoint: { ...d.state.checkpoint, wanted: true } };
    expect(types(d.post({ type: 'checkpoint_saved' }))).toEqual([]);
    expect(step({ ...high, above: 0 })).toContain('save_checkpoint');
  });

  it('stops the run when it stays so', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    const [task] = published(d.join('w1'));
    d.result(task);
    const actions = d.post({ type: 'step_applied', step: 0, finite: true, trend: { ...high, above: 32 } });
    expect(actions).toEqual([{ type: 'fail', cause: { type: 'diverged', step: 0, mean: 5, best: 1 } }]);
  });
});

describe('the course of a run', () => {
  it('goes through steps and epochs, with a checkpoint after each, to the end', () => {
    const d = new Driver();
    d.post({ type: 'started' });
    expect(milestones(runToEnd(d, d.join('w1')))).toEqual([
      'step 0',
      'step 1',
      'epoch 0',
      'save_checkpoint',
      'step 2',
      'step 3',
      'epoch 1',
      'save_checkpoint',
      'finish',
    ]);
    expect(d.state.phase).toBe('ended');
  });

  it('validates after each epoch with the weights that the next step starts from', () => {
    const d = new Driver({ validationSamples: 64 * 3 + 5, epochs: 1, trainSamples: 64 });
    d.post({ type: 'started' });
    const all = runToEnd(d, d.join('w1'));
    expect(milestones(all)).toEqual([
      'step 0',
      'validate after 0',
      'epoch 0 validated',
      'save_checkpoint',
      'finish',
    ]);
    const tasks = published(all).filter(({ mode }) => mode === 'evaluate');
    expect(tasks.map(({ pass }) => pass)).toEqual([1, 2, 3, 4]);
    for (const task of tasks) expect(task).toMatchObject({ step: 0, weightsVersion: 1 });
  });

  it('validates in passes of their own size', () => {
    const sizes = { microshards: 4, microshardSamples: 16, evaluationLeafSamples: 48 };
    const d = new Driver({ ...sizes, validationSamples: 3 * 192 + 5, epochs: 1, trainSamples: 64 });
    d.post({ type: 'started' });
    const tasks = published(runToEnd(d, d.join('w1'))).filter(({ mode }) => mode === 'evaluate');
    expect(tasks.map(({ pass }) => pass)).toEqual([1, 2, 3, 4]);
  });

  it('has only a window of a long validation on its way', () => {
    const d = new Driver({ validationSamples: 64 * 100, epochs: 1, trainSamples: 64 });
    d.post({ type: 'started' });
    const [task] = published(d.join('w1'));
    const opened = published(d.perform(d.result(task)));
    expect(opened).toHaveLength(8);
    expect(published(d.result(opened[3]))).toMatchObject([{ pass: 9 }]);
  });

  it('saves in between when it is time, one at a time', () => {
    const d = new Driver({ checkpointEveryMs: 100, trainSamples: 64 * 10 });
    d.post({ type: 'started' });
    let [task] = published(d.join('w1'));
    const step = (): Action[] => {
      d.nowMs += 60;
      d.result(task);
      const applied = d.post({ type: 'step_applied', step: task.step, finite: true });
      [task] = published(applied);
      return applied;
    };
    expect(types(step())).not.toContain('save_checkpoint');
    expect(types(step())).toContain('save_checkpoint');
    for (let i = 0; i < 5; i++) expect(types(step())).not.toContain('save_checkpoint');
    d.post({ type: 'checkpoint_saved' });
    expect(types(step())).not.toContain('save_checkpoint');
    expect(types(step())).toContain('save_checkpoint');
  });

  it('stops with a checkpoint of the last whole step, also while another is being written', () => {
    const d = new Driver({ checkpointEveryMs: 0, trainSamples: 64 * 10 });
    d.post({ type: 'started' });
    const [task] = published(d.join('w1'));
    d.result(task);
    expect(types(d.post({ type: 'step_applied', step: 0, finite: true }))).toContain('save_checkpoint');
    expect(d.post({ type: 'stop_requested' })).toEqual([]);
    expect(types(d.post({ type: 'checkpoint_saved' }))).toEqual(['save_checkpoint']);
    expect(types(d.post({ type: 'checkpoint_saved' }))).toEqual(['leave']);
    expect(types(d.hello('late'))).toEqual([]);
  });

  it('stops before anybody came, and in the midst of an optimizer step', () => {
    const early = new Driver();
    early.post({ type: 'started' });
    expect(types(early.perform(early.post({ type: 'stop_requested' })))).toEqual([
      'save_checkpoint',
      'leave',
    ]);
    const d = new Driver();
    d.post({ type: 'started' });
    const [task] = published(d.join('w1'));
    expect(types(d.result(task))).toContain('apply_step');
    expect(d.post({ type: 'stop_requested' })).toEqual([]);
    const applied = d.perform(d.post({ type: 'step_applied', step: 0, finite: true }));
    expect(types(applied)).toEqual(['save_checkpoint', 'leave']);
    expect(d.state.position.step).toBe(1);
  });

  it('holds little, however long the run', () => {
    const d = new Driver({ trainSamples: 64 * 3_000, epochs: 1 });
    d.post({ type: 'started' });
    let open = published(d.join('w1', 4));
    let sizeAtStep100 = 0;
    for (let step = 0; step < 2_000; step++) {
      open = published(open.flatMap((task) => d.perform(d.result(task))));
      if (step === 100) sizeAtStep100 = JSON.stringify(d.state).length;
    }
    expect(JSON.stringify(d.state).length).toBeLessThan(sizeAtStep100 * 1.1);
  });
});

describe('resuming', () => {
  it('goes on after the last whole step', () => {
    const d = new Driver({}, { step: 3, ahead: [], recordedEpochs: 1 });
    d.post({ type: 'started' });
    const actions = d.join('w1');
    expect(actions).toContainEqual({ type: 'send_weights', worker: 'w1', version: 3 });
    expect(published(actions)).toMatchObject([{ step: 3, weightsVersion: 3 }]);
  });

  it('first makes up for the validation that was cut off', () => {
    const d = new Driver({ validationSamples: 64 }, { step: 2, ahead: [], recordedEpochs: 0 });
    d.post({ type: 'started' });
    const actions = d.join('w1');
    expect(published(actions)).toMatchObject([{ mode: 'evaluate', step: 1, pass: 1, weightsVersion: 2 }]);
    expect(milestones(runToEnd(d, actions)).slice(0, 4)).toEqual([
      'validate after 1',
      'epoch 0 validated',
      'save_checkpoint',
      'step 2',
    ]);
  });

  it('needs no worker to end a run whose last epoch is on disk', () => {
    const d = new Driver({}, { step: 4, ahead: [], recordedEpochs: 2 });
    expect(types(d.perform(d.post({ type: 'started' })))).toEqual([
      'purge_tasks',
      'save_checkpoint',
      'finish',
    ]);
  });
});
