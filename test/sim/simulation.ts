import { RunStoppedError } from '../../src/coordinator/index.js';
import { runPaths } from '../../src/coordinator/run-dir.js';
import { createRandom, type Random } from '../../src/engine/index.js';
import type { Log } from '../../src/metrics/index.js';
import { runTopology } from '../../src/protocol/index.js';
import { OutputError } from '../../src/store/index.js';
import { BrokerError, LinkDownError, RunTakenError } from '../../src/transport/index.js';
import { SimProcess, VirtualClock } from './clock.js';
import { SimDisk } from './disk.js';
import type { Mutation } from './mutation.js';
import { SimNetwork } from './network.js';
import { type Expected, Oracle } from './oracle.js';
import type { Schedule } from './schedule.js';
import { outDir, SimCoordinator } from './sim-coordinator.js';
import { SimReducer } from './sim-reducer.js';
import { SimWorker } from './sim-worker.js';
import { createWorld, type World } from './small-world.js';
import { lineOfCoordinator, lineOfWorker } from './trace.js';

export const runName = 'run-simulated';

/** One run: its cluster on a virtual clock, and the oracle that watches it. */
export class Simulation {
  readonly schedule: Schedule;
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  readonly world: World;
  readonly oracle: Oracle;
  readonly timeline: string[] = [];
  readonly workers = new Map<string, SimWorker>();
  readonly reducers = new Map<string, SimReducer>();
  /** Also those that are gone: what they sent may still be on its way. */
  readonly #twins = new WeakMap<SimProcess, ReadonlySet<string>>();
  /** Null between two starts. */
  coordinator: SimProcess | null = null;
  outcome: string | null = null;
  /** That of the last start. */
  #newest: SimCoordinator | null = null;
  /** When messages were damaged for the last time. */
  damagedMs = Number.NEGATIVE_INFINITY;
  readonly #mutation: Mutation;
  readonly #traces: boolean;
  #workerCount = 0;
  #reducerCount = 0;
  #coordinatorCount = 0;

  constructor(schedule: Schedule, mutation: Mutation, expected: Expected | null, traces: boolean) {
    const { seed } = schedule;
    this.schedule = schedule;
    this.#mutation = mutation;
    this.#traces = traces;
    this.random = createRandom(seed, 1);
    this.network = new SimNetwork(this.clock, createRandom(seed, 2));
    this.disk = new SimDisk(createRandom(seed, 3));
    this.world = createWorld(schedule.world);
    this.oracle = new Oracle(() => this.clock.nowMs, expected);
    this.network.conditions = schedule.conditions;
    this.network.broker.oddities = schedule.oddities;
    this.network.broker.onEnqueued = (message) => this.oracle.enqueued(message);
    this.network.onAcked = (queue, message, process, damaged) => {
      // An audit's task comes by the inbox, which is acked on arrival: it dies with its worker anyway.
      if (queue !== runTopology(runName).tasks) return;
      const twins = this.#twins.get(process);
      this.oracle.acked(message, process, damaged, (name) => twins?.has(name) ?? false);
    };
    this.network.onCorrupted = (type, to) => {
      this.damagedMs = this.clock.nowMs;
      this.tell('network', `damages a message (${type}) to ${to}`);
    };
    this.#placeRunFile();
  }

  tell(who: string, what: string): void {
    if (!this.#traces) return;
    this.timeline.push(`t=${(this.clock.nowMs / 1000).toFixed(3).padStart(8)} s  ${who.padEnd(14)}  ${what}`);
  }

  #trace(who: string, line: string | null): void {
    if (line !== null) this.tell(who, line);
  }

  /** A worker process of a name that was never used before, or a given one, perhaps with the cache of an earlier life. */
  startWorker(name = `worker-${++this.#workerCount}`, cache = new Map<string, Uint8Array>()): void {
    const process = new SimProcess(name, this.clock);
    const { brokerHeartbeatMs } = this.schedule;
    const speed = 0.5 + this.random.float() * (this.random.below(8) === 0 ? 4 : 1.5);
    const threads = 1 + this.random.below(2);
    const worker = new SimWorker({
      process,
      clock: this.clock,
      network: this.network,
      world: this.world,
      threads,
      microshardMs: this.schedule.microshardMs * speed,
      brokerHeartbeatMs,
      cache,
      seed: this.random.u32(),
      mutation: this.#mutation,
      onExcess: (what) => this.oracle.fail('memory', `${name} holds ${what}`),
      onAction: (action) => this.#trace(name, lineOfWorker(action)),
      log: this.#logOf(name),
    });
    this.workers.set(name, worker);
    this.#twins.set(process, worker.twins);
    this.tell(name, `starts with ${threads === 1 ? 'one thread' : `${threads} threads`}`);
    process.enter(() => {
      worker.run().then(
        () => this.#workerEnded(worker, null),
        (error: unknown) => this.#workerEnded(worker, error),
      );
    });
  }

  #workerEnded(worker: SimWorker, error: unknown): void {
    if (!worker.process.isAlive) return;
    const { name } = worker.process;
    this.tell(name, error === null ? 'ends' : `ends: ${messageOf(error)}`);
    if (error !== null && !isAway(error)) this.oracle.fail('no crash', `${name}: ${describe(error)}`);
    this.removeWorker(worker, 20);
    if (worker.isDraining) return;
    this.clock.after(2_000, () => {
      if (this.outcome === null) this.startWorker();
    });
  }

  /** The process is gone; the broker notices after so long. */
  removeWorker(worker: SimWorker, noticedAfterMs: number): void {
    worker.process.kill();
    this.workers.delete(worker.process.name);
    for (const connection of this.network.of(worker.process)) connection.cut(0, noticedAfterMs);
  }

  startReducer(): void {
    this.#reducerCount += 1;
    const name = `reducer-${this.#reducerCount}`;
    const process = new SimProcess(name, this.clock);
    const { clock, network, world, schedule } = this;
    const { brokerHeartbeatMs } = schedule;
    // Its own: what else is drawn does not depend on how many there are.
    const seed = createRandom(schedule.seed, 6, this.#reducerCount).u32();
    const log = this.#logOf(name);
    const reducer = new SimReducer({ process, clock, network, world, brokerHeartbeatMs, seed, log });
    this.reducers.set(name, reducer);
    this.tell(name, 'starts');
    process.enter(() => {
      reducer.run().then(
        () => this.#reducerEnded(reducer, null),
        (error: unknown) => this.#reducerEnded(reducer, error),
      );
    });
  }

  #reducerEnded(reducer: SimReducer, error: unknown): void {
    if (!reducer.process.isAlive) return;
    const { name } = reducer.process;
    this.tell(name, error === null ? 'ends' : `ends: ${messageOf(error)}`);
    if (error !== null && !isAway(error)) this.oracle.fail('no crash', `${name}: ${describe(error)}`);
    this.removeReducer(reducer, 20);
    if (reducer.isDraining) return;
    this.clock.after(2_000, () => {
      if (this.outcome === null) this.startReducer();
    });
  }

  /** The process is gone; the broker notices after so long. */
  removeReducer(reducer: SimReducer, noticedAfterMs: number): void {
    reducer.process.kill();
    this.reducers.delete(reducer.process.name);
    for (const connection of this.network.of(reducer.process)) connection.cut(0, noticedAfterMs);
  }

  startCoordinator(): void {
    const number = ++this.#coordinatorCount;
    const process = new SimProcess(`coordinator-${number}`, this.clock);
    const { clock, network, disk, world, oracle, schedule } = this;
    const coordinator = new SimCoordinator({
      process,
      clock,
      network,
      disk,
      world,
      oracle,
      schedule,
      mutation: this.#mutation,
      random: createRandom(schedule.seed, 4, number),
      onAction: (action) => this.#trace(process.name, lineOfCoordinator(action)),
      log: this.#logOf(process.name),
    });
    this.coordinator = process;
    this.#newest = coordinator;
    this.tell(process.name, 'starts');
    oracle.progressed();
    process.enter(() => {
      coordinator.run().then(
        (outcome) => this.#coordinatorEnded(coordinator, outcome, null),
        (error: unknown) => this.#coordinatorEnded(coordinator, 'failed', error),
      );
    });
  }

  /** Somebody presses Ctrl-C; the run is gone on with some time after that. */
  stopCoordinator(process: SimProcess): void {
    if (this.#newest?.process === process) this.#newest.stop();
  }

  #coordinatorEnded({ process, isStopping }: SimCoordinator, outcome: string, error: unknown): void {
    if (!process.isAlive) return;
    this.tell(process.name, error === null ? `ends: ${outcome}` : `ends: ${messageOf(error)}`);
    this.removeCoordinator(process, 20);
    if (outcome === 'finished') {
      this.outcome = outcome;
      return;
    }
    const expected =
      error === null
        ? outcome === 'stopped' && isStopping
        : isAway(error) || error instanceof RunStoppedError;
    if (!expected) this.oracle.fail('no crash', `${process.name}: ${describe(error)}`);
    this.clock.after(1_000, () => {
      if (this.coordinator === null && this.outcome === null) this.startCoordinator();
    });
  }

  removeCoordinator(process: SimProcess, noticedAfterMs: number): void {
    process.kill();
    if (this.coordinator === process) this.coordinator = null;
    for (const connection of this.network.of(process)) connection.cut(0, noticedAfterMs);
  }

  #placeRunFile(): void {
    const { world } = this;
    const file = {
      format: 'onko-run-1',
      run: runName,
      spec: world.spec,
      dataHash: world.pack.manifest.hash,
      numericsId: world.kernels.numericsId,
      onkoVersion: 'simulated',
      finished: null,
    };
    this.disk.place(runPaths(outDir).runFile, JSON.stringify(file));
  }

  #logOf(who: string): Log {
    const line =
      (level: string) =>
      (message: string): void =>
        this.tell(who, level === '' ? message : `${level}: ${message}`);
    const log: Log = {
      debug: line('debug'),
      info: line(''),
      warn: line('warning'),
      error: line('error'),
      child: () => log,
    };
    return log;
  }
}

/** Broker or disk are away, which a process may die of: somebody starts it again. */
const isAway = (error: unknown): boolean =>
  error instanceof OutputError ||
  error instanceof BrokerError ||
  error instanceof RunTakenError ||
  error instanceof LinkDownError;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : JSON.stringify(error);

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
