import type { Action } from '../../src/coordinator/decide/actions.js';
import { decide } from '../../src/coordinator/decide/decide.js';
import type { CoordinatorEvent, ResultHeader } from '../../src/coordinator/decide/events.js';
import { isUnit, unitsWhere } from '../../src/coordinator/decide/fronts.js';
import {
  type CoordinatorState,
  defaultPatience,
  initialState,
  type Position,
  type RunPlan,
} from '../../src/coordinator/decide/state.js';
import type { Heartbeat, Hello, Ready, ReducerHello } from '../../src/protocol/index.js';

export const plan: RunPlan = {
  run: 'run-1',
  fence: 3,
  version: '1.0.0',
  seed: 5,
  auditShare: 0,
  averages: false,
  gradientBlocks: null,
  delay: 0,
  staleness: null,
  reducers: 0,
  numericsId: 'reference-1',
  microshards: 4,
  microshardSamples: 16,
  evaluationLeafSamples: 16,
  parameterCount: 10,
  classes: 10,
  trainSamples: 128,
  validationSamples: 0,
  epochs: 2,
  minWorkers: 1,
  workerWaitMs: null,
  heartbeatMs: 1_000,
  checkpointEveryMs: 1_000_000,
  workerCommand: 'worker start --broker URL',
  patience: defaultPatience,
};

/** A heartbeat of a worker that has done nothing yet. */
export const idle = {
  images: 0,
  rssBytes: 0,
  eventLoopLagMs: 0,
  busyMs: 0,
  cacheHits: 0,
  cacheMisses: 0,
  reconnects: 0,
};

export type Publication = Extract<Action, { type: 'publish_task' }>;

/** A decider with its state and a clock that stands until it is moved. Every state it was given is checked to stay as it was. */
export class Driver {
  state: CoordinatorState;
  nowMs = 0;

  constructor(
    changes: Partial<RunPlan> = {},
    position: Position = { step: 0, ahead: [], recordedEpochs: 0 },
  ) {
    this.state = initialState({ ...plan, ...changes }, position, this.nowMs);
  }

  post(event: CoordinatorEvent): Action[] {
    const before = JSON.stringify(this.state);
    const { state, actions } = decide(this.state, event, this.nowMs);
    if (JSON.stringify(this.state) !== before)
      throw new Error(`${event.type} modified the state it was given`);
    this.state = state;
    return actions;
  }

  /** Moves the clock and ticks every half second on the way. */
  wait(ms: number): Action[] {
    const actions: Action[] = [];
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nowMs + 500);
      actions.push(...this.post({ type: 'tick' }));
    }
    return actions;
  }

  hello(worker: string, changes: Partial<Hello> = {}): Action[] {
    const message: Hello = {
      type: 'hello',
      worker,
      host: 'h',
      pid: 1,
      threads: 1,
      numericsId: plan.numericsId,
      kernels: 'reference',
      version: plan.version,
      ...changes,
    };
    return this.post({ type: 'message', message });
  }

  ready(worker: string, changes: Partial<Ready> = {}): Action[] {
    const { run, fence } = this.state.plan;
    return this.post({
      type: 'message',
      message: { type: 'ready', run, fence, worker, threads: 1, ...changes },
    });
  }

  /** Hello and ready. */
  join(worker: string, threads = 1): Action[] {
    return [...this.hello(worker, { threads }), ...this.ready(worker, { threads })];
  }

  beat(worker: string, nodes: number[] = [], changes: Partial<Heartbeat> = {}): Action[] {
    const { run, fence } = this.state.plan;
    const step = this.state.fronts[0]?.step ?? 0;
    const steps = nodes.map(() => step);
    const message: Heartbeat = { type: 'heartbeat', run, fence, worker, nodes, steps, ...idle, ...changes };
    return this.post({ type: 'message', message });
  }

  reducerHello(reducer: string, changes: Partial<ReducerHello> = {}): Action[] {
    const { numericsId, version } = plan;
    const message = { host: 'h', pid: 1, numericsId, kernels: 'reference', version, ...changes };
    return this.post({ type: 'message', message: { type: 'reducer_hello', reducer, ...message } });
  }

  /** What a reducer says when it gets the segments of a range, and at each heartbeat. */
  hold(reducer: string, range: number, fence = plan.fence): Action[] {
    const { run } = this.state.plan;
    return this.post({ type: 'message', message: { type: 'range_held', run, fence, reducer, range } });
  }

  header(
    task: Pick<Publication, 'mode' | 'step' | 'pass' | 'node' | 'weightsVersion'>,
    worker: string,
    changes: Partial<ResultHeader> = {},
  ): ResultHeader {
    const [found] = unitsWhere(this.state, isUnit(task));
    return {
      run: this.state.plan.run,
      fence: this.state.plan.fence,
      step: task.step,
      pass: task.pass,
      weightsVersion: task.weightsVersion,
      node: task.node,
      mode: task.mode,
      worker,
      samples: found?.unit.samples ?? 0,
      gradientLength: task.mode === 'train' ? this.state.plan.parameterCount : 0,
      confusionLength: 0,
      finite: true,
      hash: `h${task.pass}/${task.node}`,
      ...changes,
    };
  }

  result(
    task: Pick<Publication, 'mode' | 'step' | 'pass' | 'node' | 'weightsVersion'>,
    worker = 'w1',
    changes: Partial<ResultHeader> = {},
  ): Action[] {
    return this.post({ type: 'result', header: this.header(task, worker, changes) });
  }

  fail(task: Publication, worker: string, reason = 'broken'): Action[] {
    const { run, fence } = this.state.plan;
    const { step, pass, node } = task;
    const samples = new Uint32Array(0);
    return this.post({
      type: 'message',
      message: { type: 'task_failed', run, fence, step, pass, node, worker, reason, samples },
    });
  }

  /** What a performer would feed back at once. */
  perform(actions: Action[]): Action[] {
    const all: Action[] = [];
    for (const action of actions) {
      all.push(action);
      if (action.type === 'apply_step') {
        all.push(...this.perform(this.post({ type: 'step_applied', step: action.step, finite: true })));
      } else if (action.type === 'record_epoch') {
        all.push(...this.perform(this.post({ type: 'epoch_recorded', epoch: action.epoch })));
      } else if (action.type === 'save_checkpoint') {
        all.push(...this.perform(this.post({ type: 'checkpoint_saved' })));
      }
    }
    return all;
  }
}

export const asked = (actions: Action[]): Extract<Action, { type: 'ask' }>[] =>
  actions.filter((action) => action.type === 'ask');
export const published = (actions: Action[]): Publication[] =>
  actions.filter((action) => action.type === 'publish_task');
export const types = (actions: Action[]): string[] => actions.map((action) => action.type);
export const lines = (actions: Action[]): string[] =>
  actions.flatMap((action) => (action.type === 'report' ? [action.line] : []));
export const rejected = (actions: Action[]): string[] =>
  actions.flatMap((action) => (action.type === 'reject' ? [action.reason] : []));
