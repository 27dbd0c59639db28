import { describe, expect, it } from 'vitest';
import { assertNever } from '../../src/coordinator/assert-never.js';
import type { Action, Decision } from '../../src/coordinator/decide/actions.js';
import { decide } from '../../src/coordinator/decide/decide.js';
import type { CoordinatorEvent } from '../../src/coordinator/decide/events.js';
import {
  type CoordinatorState,
  defaultPatience,
  initialState,
  type Position,
} from '../../src/coordinator/decide/state.js';
import { createRandom, type Random } from '../../src/engine/index.js';
import { leavesOf } from '../../src/protocol/index.js';
import { idle, type Publication, plan } from './support.js';

const runPlan = {
  ...plan,
  microshards: 8,
  trainSamples: 8 * 16 * 3 + 50,
  validationSamples: 8 * 16 + 30,
  epochs: 3,
  checkpointEveryMs: 3_000,
  // Here workers die by chance, and often with the same block in hand.
  patience: { ...defaultPatience, failuresToQuarantine: 1_000 },
};

interface SimulatedWorker {
  name: string;
  /** Share of its results that are wrong, each in another way. */
  lies: number;
  fence: number;
  version: number;
  hands: (Publication & { fence: number })[];
  isAlive: boolean;
}

/** One decider and a few workers on a virtual clock, with a network that delays, repeats and loses, all by seed. */
class Simulation {
  readonly random: Random;
  nowMs = 0;
  state: CoordinatorState;
  fence = 1;
  saved: Position = { step: 0, ahead: [], recordedEpochs: 0 };
  outcome: string | null = null;
  isLinkUp = true;
  workers: SimulatedWorker[] = [];
  queue: (Publication & { fence: number })[] = [];
  /** Leaves folded into each front, to see that each counts once. */
  folded = new Map<string, number[]>();
  applied: number[] = [];
  #timers: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  readonly plan: typeof runPlan;
  /** Of the result that is being decided on. */
  arrived = '';
  /** There was nobody to compare it with. */
  isAlone = false;
  lies = 0;
  expelled = 0;

  /** `liars`: share of the workers that compute wrongly now and then. */
  constructor(
    seed: number,
    auditShare: number,
    readonly liars = 0,
  ) {
    this.random = createRandom(seed);
    this.plan = { ...runPlan, auditShare };
    this.state = initialState({ ...this.plan, fence: this.fence }, this.saved, 0);
  }

  chance(share: number): boolean {
    return this.random.float() < share;
  }

  after(ms: number, run: () => void): void {
    this.#timers.push({ atMs: this.nowMs + ms, order: this.#order++, run });
  }

  /** Runs until the run has ended; false if it has not after a virtual hour. */
  run(): boolean {
    this.post({ type: 'started' });
    this.tick();
    for (let i = 0; i < 3; i++) this.addWorker();
    this.trouble();
    while (this.outcome === null && this.nowMs < 3_600_000) {
      this.#timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = this.#timers.shift();
      if (next === undefined) return false;
      this.nowMs = next.atMs;
      next.run();
    }
    return this.outcome === 'finish';
  }

  post(event: CoordinatorEvent): void {
    if (event.type === 'result') this.arrived = event.header.hash;
    const { state, actions }: Decision = decide(this.state, event, this.nowMs);
    this.state = state;
    for (const action of actions) this.perform(action);
  }

  tick(): void {
    this.post({ type: 'tick' });
    this.after(500, () => this.tick());
  }

  /** To the coordinator that is there when it arrives, unless it is lost. */
  tell(event: CoordinatorEvent, loss: number): void {
    if (this.chance(loss)) return;
    const copies = this.chance(0.1) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.after(1 + this.random.below(300), () => {
        if (this.isLinkUp) this.post(event);
      });
    }
  }

  addWorker(): void {
    const name = `w${this.#order++}`;
    const worker: SimulatedWorker = {
      name,
      lies: this.chance(this.liars) ? 0.3 : 0,
      fence: 0,
      version: -1,
      hands: [],
      isAlive: true,
    };
    this.workers.push(worker);
    this.hello(worker);
    this.beat(worker);
  }

  hello(worker: SimulatedWorker): void {
    const about = { host: '', pid: 1, threads: 1 + this.random.below(3), kernels: '' };
    const { numericsId, version } = runPlan;
    const message = { type: 'hello', worker: worker.name, ...about, numericsId, version } as const;
    this.tell({ type: 'message', message }, 0.05);
  }

  beat(worker: SimulatedWorker): void {
    if (!worker.isAlive) return;
    const { run } = runPlan;
    const nodes = worker.hands.map(({ node }) => node);
    const steps = worker.hands.map(({ step }) => step);
    const message = {
      type: 'heartbeat',
      run,
      fence: worker.fence,
      worker: worker.name,
      nodes,
      steps,
      ...idle,
    } as const;
    if (worker.fence === 0) this.hello(worker);
    else this.tell({ type: 'message', message }, 0.1);
    this.after(runPlan.heartbeatMs, () => this.beat(worker));
  }

  /** Everybody alive takes what he can and starts on it. */
  deliver(): void {
    for (const worker of this.workers) {
      while (
        worker.isAlive &&
        worker.fence === this.fence &&
        worker.hands.length < 2 &&
        this.queue.length > 0
      ) {
        const task = this.queue.shift();
        if (task === undefined) break;
        worker.hands.push(task);
        this.after(20 + this.random.below(this.chance(0.02) ? 30_000 : 400), () =>
          this.compute(worker, task),
        );
      }
    }
  }

  compute(worker: SimulatedWorker, task: Publication & { fence: number }): void {
    if (!worker.isAlive || !worker.hands.includes(task)) return;
    if (worker.version < task.weightsVersion && task.fence === this.fence) {
      this.after(500, () => this.compute(worker, task)); // The weights are not here yet.
      return;
    }
    worker.hands = worker.hands.filter((other) => other !== task);
    const { fence, step, pass, node, mode, weightsVersion } = task;
    const total = mode === 'train' ? this.samplesOfStep(step) : this.samplesOfPass(pass);
    const { first, count } = leavesOf(node, runPlan.microshards);
    const samples = Math.max(0, Math.min((first + count) * 16, total) - first * 16);
    const gradientLength = mode === 'train' ? runPlan.parameterCount : 0;
    const rest = {
      samples,
      gradientLength,
      confusionLength: 0,
      finite: true,
      hash: this.chance(worker.lies) ? `wrong ${this.lies++}` : `${mode}${step}/${pass}/${node}`,
    };
    const header = {
      run: runPlan.run,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      worker: worker.name,
      ...rest,
    };
    this.tell({ type: 'result', header }, 0.03);
    this.deliver();
  }

  samplesOfStep(step: number): number {
    return step % 4 === 3 ? 50 : 128;
  }

  samplesOfPass(pass: number): number {
    return pass === 1 ? 128 : 30;
  }

  kill(worker: SimulatedWorker): void {
    worker.isAlive = false;
    this.workers = this.workers.filter((other) => other !== worker);
    // Mostly the broker gives the tasks to others; sometimes they are gone.
    for (const task of worker.hands) if (this.chance(0.8)) this.queue.unshift(task);
    this.after(this.random.below(4_000), () => this.addWorker());
    this.deliver();
  }

  /** Now and then something breaks. */
  trouble(): void {
    const dice = this.random.below(10);
    const victim = this.workers[this.random.below(Math.max(1, this.workers.length))];
    if (dice < 4 && victim !== undefined) this.kill(victim);
    else if (dice < 6 && this.isLinkUp) this.outage();
    else if (dice < 8) this.restart();
    this.after(1_000 + this.random.below(8_000), () => this.trouble());
  }

  outage(): void {
    this.isLinkUp = false;
    this.post({ type: 'link_down', reason: 'cut' });
    this.after(500 + this.random.below(10_000), () => {
      this.isLinkUp = true;
      this.post({ type: 'link_up' });
    });
  }

  /** The coordinator is killed and goes on from its last checkpoint; its unfinished writes are lost. */
  restart(): void {
    this.fence += 1;
    this.folded.clear();
    this.state = initialState({ ...this.plan, fence: this.fence }, this.saved, this.nowMs);
    this.applied = this.applied.filter((step) => step < this.saved.step);
    if (!this.isLinkUp) this.state = { ...this.state, link: { type: 'down', reason: 'cut' } };
    this.post({ type: 'started' });
  }

  perform(action: Action): void {
    const { fence } = this;
    const isOurs = (): boolean => fence === this.fence;
    switch (action.type) {
      case 'announce':
        for (const worker of this.workers) this.hello(worker);
        return;
      case 'offer':
        this.reach(action.worker, 0.05, (worker) => {
          if (fence <= worker.fence) return;
          worker.fence = fence;
          worker.version = -1;
          const ready = { type: 'ready', run: runPlan.run, fence, worker: worker.name, threads: 1 } as const;
          this.tell({ type: 'message', message: ready }, 0.05);
          this.deliver();
        });
        return;
      case 'send_weights':
        this.reach(action.worker, 0.05, (worker) => this.takeWeights(worker, fence, action.version));
        return;
      case 'broadcast_weights':
        for (const { name } of this.workers) {
          this.reach(name, 0.05, (worker) => this.takeWeights(worker, fence, action.version));
        }
        return;
      case 'purge_tasks':
        if (this.isLinkUp) this.queue = [];
        return;
      case 'publish_task':
        if (this.isLinkUp && !this.chance(0.03)) this.queue.push({ ...action, fence });
        this.deliver();
        return;
      case 'open_front':
        this.folded.clear();
        return;
      case 'ask':
        this.reach(action.worker, 0.05, (worker) => {
          const task: Publication & { fence: number } = { ...action, type: 'publish_task', fence };
          worker.hands.push(task);
          this.after(20 + this.random.below(400), () => this.compute(worker, task));
        });
        return;
      case 'refuse':
        for (const worker of this.workers) if (worker.name === action.worker) this.kill(worker);
        return;
      case 'expelled':
        this.expelled += 1;
        return;
      case 'accept':
      case 'accept_empty': {
        if (action.type === 'accept' && !this.isAlone) expect(this.arrived).not.toContain('wrong');
        this.isAlone = false;
        const { first, count } = leavesOf(action.node, runPlan.microshards);
        const key = `${action.mode}/${action.pass}`;
        const leaves = this.folded.get(key) ?? [];
        for (let leaf = first; leaf < first + count; leaf++) leaves.push(leaf);
        this.folded.set(key, leaves);
        return;
      }
      case 'apply_step':
        this.expectWhole(['train/0']);
        this.applied.push(action.step);
        this.post({ type: 'step_applied', step: action.step, finite: true });
        return;
      case 'record_epoch':
        this.expectWhole(['evaluate/1', 'evaluate/2']);
        this.post({ type: 'epoch_recorded', epoch: action.epoch });
        return;
      case 'save_checkpoint': {
        const { position } = this.state;
        this.after(this.random.below(200), () => {
          if (!isOurs()) return;
          this.saved = position;
          this.post({ type: 'checkpoint_saved' });
        });
        return;
      }
      case 'alarm':
        // A late twin of a liar; among the honest there are no two results.
        if (this.liars === 0) this.outcome = action.type;
        return;
      case 'finish':
      case 'fail':
      case 'quarantine':
        this.outcome = action.type;
        return;
      case 'audited':
        this.isAlone = action.outcome === 'skipped';
        return;
      case 'answer_status':
      case 'fold_range':
      case 'forget':
      case 'leave':
      case 'offer_range':
      case 'refuse_reducer':
      case 'take_range':
      case 'reject':
      case 'report':
      case 'serve_block':
        return;
      default:
        assertNever(action);
    }
  }

  takeWeights(worker: SimulatedWorker, fence: number, version: number): void {
    if (fence === worker.fence) worker.version = Math.max(worker.version, version);
  }

  reach(name: string, loss: number, then: (worker: SimulatedWorker) => void): void {
    if (!this.isLinkUp || this.chance(loss)) return;
    this.after(1 + this.random.below(100), () => {
      const worker = this.workers.find((one) => one.name === name);
      if (worker !== undefined) then(worker);
    });
  }

  /** Every leaf of these passes was folded, once, and nothing else. */
  expectWhole(keys: string[]): void {
    const all = Array.from({ length: runPlan.microshards }, (_, leaf) => leaf);
    expect([...this.folded.keys()].toSorted()).toEqual(keys);
    for (const leaves of this.folded.values()) expect(leaves.toSorted((a, b) => a - b)).toEqual(all);
  }
}

/** Runs so many schedules; each must end with every step applied once, in order. */
function simulate(trials: number, auditShare: number, liars: number): Simulation[] {
  const base = Math.floor(Math.random() * 2 ** 31);
  return Array.from({ length: trials }, (_, trial) => {
    const seed = `seed ${base + trial}`;
    const simulation = new Simulation(base + trial, auditShare, liars);
    const isDone = simulation.run();
    expect(isDone, `${seed}: ${simulation.outcome ?? 'stuck'} at ${simulation.nowMs} ms`).toBe(true);
    expect(simulation.applied, seed).toEqual(Array.from({ length: 12 }, (_step, step) => step));
    return simulation;
  });
}

describe('the decider among faults', () => {
  it('counts every microshard of every step once, and comes to the end', () => {
    simulate(60, 0, 0);
  });

  it('does so with audits, too', () => {
    simulate(40, 0.3, 0);
  });

  it('expels workers that lie, and folds nothing wrong where every block is audited', () => {
    const simulations = simulate(40, 1, 0.3);
    expect(simulations.reduce((sum, { expelled }) => sum + expelled, 0)).toBeGreaterThan(0);
  });
});
