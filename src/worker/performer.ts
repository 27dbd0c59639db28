import { encodedBytes, type Kernels } from '../engine/index.js';
import { Registry } from '../metrics/index.js';
import type { Task, ToWorker, Weights } from '../protocol/index.js';
import {
  type Delivery,
  type LinkState,
  realTimers,
  type Timers,
  type Verdict,
  type WorkerLink,
} from '../transport/index.js';
import { nextWakeMs } from './advance.js';
import { blocksOf, type WorkerBlocks } from './blocks.js';
import type { RunningWorker, WorkerConfig, WorkerSummary } from './config.js';
import { CurrentRun } from './current-run.js';
import { decide } from './decide.js';
import { Deliveries } from './deliveries.js';
import { createEffects } from './effects.js';
import type { EventLoopWatch } from './event-loop-lag.js';
import type { WorkerEvent } from './events.js';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.js';
import { createOutgoing, type Outgoing, versionOf } from './outgoing.js';
import type { openRunSession } from './run-session.js';
import { unlessAway } from './sending.js';
import { defaultWaits, inHand, initialState, type WorkerState } from './state.js';

export interface Parts {
  config: WorkerConfig;
  kernels: Kernels;
  blocks: WorkerBlocks;
  blockFolder: string;
  eventLoop: EventLoopWatch;
  /** Default: the true ones. The simulator in test/sim has threads of its own, and minds that go wrong. */
  openSession?: typeof openRunSession;
  decide?: typeof decide;
}

/** Longest wait that `setTimeout` can express. */
const longestTimerMs = 2 ** 31 - 1;

/** Does what the decider says, and tells it what came of it. Decides nothing itself. */
export class Performer implements RunningWorker {
  readonly finished: Promise<WorkerSummary>;
  readonly #parts: Parts;
  readonly #config: WorkerConfig;
  readonly #link: WorkerLink;
  readonly #now: () => number;
  readonly #timers: Timers;
  readonly #decide: typeof decide;
  #state: WorkerState;
  readonly #events: { event: WorkerEvent; weights?: Weights }[] = [];
  #isDeciding = false;
  #cancelTimer = (): void => undefined;
  readonly #metrics: WorkerMetrics;
  readonly #deliveries: Deliveries;
  readonly #current: CurrentRun;
  readonly #outgoing: Outgoing;
  readonly #perform: ReturnType<typeof createEffects>;
  #isOver = false;
  #ending: Promise<void> | null = null;
  #resolve!: (summary: WorkerSummary) => void;
  #reject!: (error: Error) => void;

  constructor(parts: Parts, link: WorkerLink) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#link = link;
    this.#now = parts.config.now ?? ((): number => performance.now());
    this.#timers = parts.config.timers ?? realTimers;
    this.#decide = parts.decide ?? decide;
    this.#state = initialState({
      ...defaultWaits,
      worker: parts.config.worker,
      numericsId: parts.kernels.numericsId,
      threads: parts.config.threads,
      once: parts.config.once,
      run: parts.config.run ?? null,
    });
    const raise = (event: WorkerEvent): void => this.#raise(event);
    const { worker, threads } = parts.config;
    const { name, numericsId } = parts.kernels;
    const facts = { worker, threads, version: versionOf(parts.config), kernels: name, numericsId };
    this.#metrics = createWorkerMetrics(parts.config.metrics ?? new Registry(), facts, this.#now);
    this.#deliveries = new Deliveries({
      worker,
      raise,
      metrics: this.#metrics,
      now: this.#now,
      kernels: parts.kernels,
    });
    this.#current = new CurrentRun({
      ...parts,
      link,
      raise,
      onTask: (task, delivery) => this.#onTask(task, delivery),
      onWeights: (weights) => this.#onWeights(weights),
    });
    this.#outgoing = createOutgoing({ ...parts, link, metrics: this.#metrics });
    this.#perform = createEffects({
      link,
      log: parts.config.log,
      metrics: this.#metrics,
      current: this.#current,
      deliveries: this.#deliveries,
      outgoing: this.#outgoing,
      raise,
      background: (work) => this.#background(work),
      finish: () => this.#end(null),
    });
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it sees the error; nobody has to.
    this.finished.catch(() => undefined);
  }

  async start(): Promise<void> {
    this.#link.onState((state) => this.#onLinkState(state));
    this.#link.onTraffic((traffic) => this.#metrics.link.traffic(traffic));
    this.#link.onMalformed((reason) => {
      this.#metrics.link.malformed();
      this.#config.log.warn(`A message was dropped: ${reason}`);
    });
    await unlessAway(
      this.#link.receive((message) => this.#onMessage(message)),
      this.#config.log,
    );
    this.#raise({ type: 'tick' });
  }

  async drain(reason: string): Promise<void> {
    this.#raise({ type: 'drain', reason });
    await this.finished;
  }

  illness(): string | null {
    return this.#state.link === 'down' ? 'The broker is away; the worker goes on when it is back.' : null;
  }

  async close(): Promise<void> {
    await this.#end(null);
  }

  #raise(event: WorkerEvent, weights?: Weights): void {
    if (this.#isOver) return;
    this.#events.push(weights === undefined ? { event } : { event, weights });
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, actions } = this.#decide(this.#state, next.event, this.#now());
        this.#state = state;
        for (const action of actions) this.#perform(action, next.weights);
      }
    } finally {
      this.#isDeciding = false;
    }
    this.#showState();
    this.#setTimer();
  }

  #showState(): void {
    const { stage, runs } = this.#state;
    this.#metrics.joined(stage.type === 'run' && stage.run.joined);
    this.#metrics.inHand(stage.type === 'run' ? inHand(stage.run).length : 0);
    this.#metrics.runsEnded(runs);
  }

  #setTimer(): void {
    this.#cancelTimer();
    const atMs = this.#isOver ? null : nextWakeMs(this.#state);
    if (atMs === null || atMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(Math.max(1, Math.ceil(atMs - this.#now())), longestTimerMs);
    this.#cancelTimer = this.#timers.after(waitMs, () => this.#raise({ type: 'tick' }));
  }

  #onLinkState(state: LinkState): void {
    this.#metrics.link.state(state.type);
    switch (state.type) {
      case 'up':
        return this.#raise({ type: 'link_up' });
      case 'down':
        this.#config.log.warn(`The broker is away: ${state.reason}`);
        return this.#raise({ type: 'link_down', reason: state.reason });
      case 'run_gone':
        return this.#raise({ type: 'run_gone', run: state.run, reason: state.reason });
      case 'blocked':
        return this.#config.log.warn(`The broker takes no messages for now: ${state.reason}`);
      case 'unblocked':
        return this.#config.log.info('The broker takes messages again.');
      case 'lost':
        void this.#end(state.error);
        return;
      default:
        throw new TypeError(`Not a state of a link: ${JSON.stringify(state satisfies never)}`);
    }
  }

  #onMessage(message: ToWorker): void {
    if (message.type === 'block_response') this.#background(this.#current.storeBlock(message));
    else this.#raise({ type: 'message', message });
  }

  async #onTask(task: Task, delivery: Delivery): Promise<Verdict> {
    this.#metrics.link.delivered(delivery);
    if (delivery.redelivered) await this.#tellInHand(task);
    const { session } = this.#current;
    if (session?.run !== task.run) return this.#deliveries.take(task, []);
    const missing = session.missing(task);
    this.#metrics.taskCame(blocksOf(session.manifest, task.samples).size, missing.length);
    return this.#deliveries.take(task, missing);
  }

  /**
   * Before a task that somebody had before us: whoever that was may have died of it. Should we die of it too, the coordinator
   * knows what we had in hand, however quick it is, and takes the block out of the run after the second death.
   */
  async #tellInHand(task: Task): Promise<void> {
    const { stage, images } = this.#state;
    if (stage.type !== 'run') return;
    const tasks = [...inHand(stage.run).map((held) => held.task), task];
    const nodes = tasks.map(({ node }) => node);
    const steps = tasks.map(({ step }) => step);
    const { run, fence } = task;
    await this.#outgoing.heartbeat({ run, fence, nodes, steps, images });
  }

  #onWeights(weights: Weights): void {
    const { run, fence, version, encoding, parameters } = weights;
    const { stage } = this.#state;
    const expected = stage.type === 'run' ? stage.run.offer.parameterCount : 0;
    const fits = parameters.byteLength === encodedBytes(encoding, expected);
    // Of another length nobody knows how many they are: as many as there would be of f32.
    const parameterCount = fits ? expected : parameters.byteLength / Float32Array.BYTES_PER_ELEMENT;
    this.#raise({ type: 'weights', run, fence, version, parameterCount }, weights);
  }

  /** An error that nobody expects ends the worker and comes out of `finished`. */
  #background(work: Promise<void>): void {
    work.catch((error: unknown) => void this.#end(error instanceof Error ? error : new Error(String(error))));
  }

  #end(error: Error | null): Promise<void> {
    this.#ending ??= this.#tearDown(error);
    return this.#ending;
  }

  async #tearDown(cause: Error | null): Promise<void> {
    this.#isOver = true;
    this.#cancelTimer();
    this.#parts.eventLoop.stop();
    await this.#link.close().catch(() => undefined);
    await this.#current.close();
    this.#parts.blocks.close();
    const { runs, images } = this.#state;
    if (cause === null) this.#resolve({ runs, images });
    else this.#reject(cause);
  }
}
