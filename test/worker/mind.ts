import type { EndOfRun, RunOffer, Task } from '../../src/protocol/index.js';
import { nextWakeMs } from '../../src/worker/advance.js';
import { decide } from '../../src/worker/decide.js';
import type { WorkerAction, WorkerEvent } from '../../src/worker/events.js';
import {
  defaultWaits,
  initialState,
  type RunState,
  type WorkerSettings,
  type WorkerState,
} from '../../src/worker/state.js';

export const settings: WorkerSettings = {
  ...defaultWaits,
  worker: 'w1',
  numericsId: 'reference/1',
  threads: 1,
  once: false,
  run: null,
};

export const offer: RunOffer = {
  type: 'offer',
  run: 'r1',
  fence: 1,
  seed: 7,
  microshards: 4,
  microshardSamples: 16,
  numericsId: 'reference/1',
  modelSpecJson: '{}',
  manifestJson: '{}',
  parameterCount: 10,
  heartbeatMs: 1000,
  coordinatorVersion: '0.1.0',
  augmentationJson: '',
  lossJson: '',
  localTrainingJson: '',
  gradientEncoding: 'f32',
  gradientsKept: 0,
  staleness: 0,
  newestWeights: false,
  reducers: 0,
};

export function task(changes: Partial<Task> = {}): Task {
  return {
    type: 'task',
    run: 'r1',
    fence: 1,
    step: 0,
    pass: 0,
    weightsVersion: 0,
    node: 2,
    mode: 'train',
    samples: Uint32Array.of(3, 1, 4),
    attempt: 0,
    evaluationSamples: 16,
    epoch: 0,
    nextSamples: new Uint32Array(0),
    ...changes,
  };
}

export function weights(version: number, fence = 1): WorkerEvent {
  return { type: 'weights', run: 'r1', fence, version, parameterCount: 10 };
}

export function arrival(delivery: number, changes: Partial<Task> = {}, missing: number[] = []): WorkerEvent {
  return { type: 'task', delivery, task: task(changes), missing };
}

export function endOfRun(changes: Partial<EndOfRun> = {}): WorkerEvent {
  const message: EndOfRun = { type: 'end_of_run', run: 'r1', fence: 1, outcome: 'finished', reason: '' };
  return { type: 'message', message: { ...message, ...changes } };
}

/** A worker's decider with its state and a clock that only moves when told to. */
export class Mind {
  state: WorkerState;
  nowMs = 0;

  constructor(changes: Partial<WorkerSettings> = {}) {
    this.state = initialState({ ...settings, ...changes });
  }

  /** What is decided on this event, right now. */
  on(event: WorkerEvent): WorkerAction[] {
    const { state, actions } = decide(this.state, event, this.nowMs);
    this.state = state;
    return actions;
  }

  /** Like `on`, without the reports to the user. */
  quietly(event: WorkerEvent): WorkerAction[] {
    return this.on(event).filter((action) => action.type !== 'report');
  }

  types(event: WorkerEvent): string[] {
    return this.quietly(event).map((action) => action.type);
  }

  after(ms: number, event: WorkerEvent = { type: 'tick' }): WorkerAction[] {
    this.nowMs += ms;
    return this.on(event);
  }

  wakeMs(): number | null {
    return nextWakeMs(this.state);
  }

  get run(): RunState {
    if (this.state.stage.type !== 'run') throw new Error(`Expected a run, found ${this.state.stage.type}.`);
    return this.state.stage.run;
  }
}

/** A worker that has joined run r1 and has weights of this version. */
export function joined(
  changes: Partial<WorkerSettings> = {},
  version: number | null = 0,
  offered: Partial<RunOffer> = {},
): Mind {
  const mind = new Mind(changes);
  mind.on({ type: 'tick' });
  mind.on({ type: 'message', message: { ...offer, ...offered } });
  mind.on({ type: 'joined', run: 'r1' });
  if (version !== null) mind.on(weights(version));
  return mind;
}
