import type { SimProcess } from './clock.js';
import type { FaultKind } from './schedule.js';
import type { SimReducer } from './sim-reducer.js';
import type { SimWorker } from './sim-worker.js';
import type { Simulation } from './simulation.js';

/** Lets go wrong what the schedule says, one thing after the other, and mends everything in the end. */
export class Faults {
  readonly #sim: Simulation;
  #isOver = false;

  constructor(simulation: Simulation) {
    this.#sim = simulation;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    const { schedule, clock } = this.#sim;
    clock.after(schedule.faultsUntilMs, () => this.#mend());
    if (schedule.faults.length > 0) this.#next();
  }

  #next(): void {
    const { schedule, clock, random } = this.#sim;
    const waitMs = schedule.faultEveryMs * 2 * random.float();
    clock.after(waitMs, () => {
      if (this.#isOver) return;
      this.#happen(schedule.faults[random.below(schedule.faults.length)]);
      this.#sim.oracle.progressed();
      this.#next();
    });
  }

  #happen(kind: FaultKind): void {
    const { random, network, coordinator } = this.#sim;
    const alive = [...this.#sim.workers.values()].filter(({ process }) => process.isAlive);
    const worker = alive.length === 0 ? undefined : alive[random.below(alive.length)];
    const reducer = this.#anyReducer();
    switch (kind) {
      case 'kill worker':
        return worker && this.#killWorker(worker, 20, 'is killed');
      case 'lose worker machine':
        return worker && this.#killWorker(worker, this.#heartbeatsMs(), 'is gone with its machine');
      case 'drain worker':
        return worker && this.#drain(worker);
      case 'add worker':
        if (alive.length < this.#sim.schedule.mostWorkers) this.#sim.startWorker();
        return;
      case 'freeze worker':
        return worker && this.#freeze(worker.process);
      case 'cut worker off':
        return worker && this.#cutOff(worker.process);
      case 'cut one connection':
        return this.#cutOne();
      case 'make worker sick':
        // Alone it would stop the run, and rightly so.
        if (worker !== undefined && alive.length > 2) this.#makeSick(worker);
        return;
      case 'lose cache':
        worker?.loseCache();
        return this.#sim.tell(worker?.process.name ?? 'nobody', 'loses its cache of data blocks');
      case 'kill coordinator':
        return coordinator === null ? undefined : this.#killCoordinator(coordinator, 20, false);
      case 'stop coordinator':
        if (coordinator !== null) this.#sim.stopCoordinator(coordinator);
        return;
      case 'kill coordinator while a worker sleeps':
        // It wakes up with a result for the one before in hand.
        if (worker === undefined || coordinator === null) return;
        this.#freeze(worker.process, this.#heartbeatsMs() * (0.5 + 0.4 * random.float()));
        return this.#killCoordinator(coordinator, 20, false, 300);
      case 'lose coordinator machine':
        return coordinator === null
          ? undefined
          : this.#killCoordinator(coordinator, this.#heartbeatsMs(), true);
      case 'freeze coordinator':
        return coordinator === null ? undefined : this.#freeze(coordinator);
      case 'cut coordinator off':
        return coordinator === null ? undefined : this.#cutOff(coordinator);
      case 'damage checkpoint':
        return this.#damageCheckpoint();
      case 'fill disk':
        return this.#fillDisk();
      case 'kill reducer':
        return reducer && this.#killReducer(reducer, 20, 'is killed');
      case 'lose reducer machine':
        return reducer && this.#killReducer(reducer, this.#heartbeatsMs(), 'is gone with its machine');
      case 'drain reducer':
        return reducer && this.#drainReducer(reducer);
      case 'freeze reducer':
        return reducer && this.#freeze(reducer.process);
      case 'cut reducer off':
        return reducer && this.#cutOff(reducer.process);
      case 'restart broker':
        return this.#restartBroker();
      case 'block broker':
        if (network.isBlocked || !network.isUp) return;
        this.#sim.tell('broker', 'is short of memory and takes no messages');
        network.block(true);
        this.#later(500 + random.below(8_000), () => this.#unblock());
        return;
      default:
        throw new TypeError(`Not a fault: ${String(kind satisfies never)}`);
    }
  }

  #killWorker(worker: SimWorker, noticedAfterMs: number, what: string): void {
    const { random } = this.#sim;
    this.#sim.tell(worker.process.name, what);
    this.#sim.removeWorker(worker, noticedAfterMs);
    // Another one, as a rule; sometimes the same again, with its name and its cache.
    const isSame = random.below(3) === 0;
    const cache = isSame ? worker.options.cache : new Map<string, Uint8Array>();
    const { name } = worker.process;
    this.#later(random.below(5_000), () => {
      if (!isSame || this.#sim.workers.has(name)) this.#sim.startWorker();
      else this.#sim.startWorker(name, cache);
    });
  }

  #anyReducer(): SimReducer | undefined {
    const alive = [...this.#sim.reducers.values()].filter(({ process }) => process.isAlive);
    // Nothing is drawn in a schedule without them.
    return alive.length === 0 ? undefined : alive[this.#sim.random.below(alive.length)];
  }

  #killReducer(reducer: SimReducer, noticedAfterMs: number, what: string): void {
    this.#sim.tell(reducer.process.name, what);
    this.#sim.removeReducer(reducer, noticedAfterMs);
    this.#later(this.#sim.random.below(5_000), () => this.#sim.startReducer());
  }

  #drainReducer(reducer: SimReducer): void {
    const { process, running } = reducer;
    if (running === null || reducer.isDraining) return;
    reducer.isDraining = true;
    this.#sim.tell(process.name, 'is asked to drain');
    process.enter(() => {
      running.drain('the machine is needed').catch(() => undefined);
    });
    this.#later(this.#sim.random.below(8_000), () => this.#sim.startReducer());
  }

  #drain(worker: SimWorker): void {
    const { process, performer } = { process: worker.process, performer: worker.performer };
    if (performer === null || worker.isDraining) return;
    worker.isDraining = true;
    this.#sim.tell(process.name, 'is asked to drain');
    process.enter(() => {
      performer.drain('the machine is needed').catch(() => undefined);
    });
    this.#later(this.#sim.random.below(8_000), () => this.#sim.startWorker());
  }

  #freeze(process: SimProcess, forMs = this.#napMs()): void {
    if (process.isFrozen) return;
    this.#sim.tell(process.name, `freezes for ${(forMs / 1000).toFixed(1)} s`);
    process.freeze();
    for (const connection of this.#sim.network.of(process)) {
      const missedMs = 2 * connection.heartbeatMs;
      if (forMs > missedMs) connection.cut(missedMs, missedMs);
    }
    this.#later(forMs, () => {
      if (process.isAlive) this.#sim.tell(process.name, 'goes on');
      process.thaw();
    });
  }

  /** Longer than any heartbeat, now and then: a laptop's lid. */
  #napMs(): number {
    const { random } = this.#sim;
    return random.below(3) === 0 ? random.below(25_000) : random.below(3_000);
  }

  #cutOff(process: SimProcess): void {
    if (process.isCutOff) return;
    const { random, network } = this.#sim;
    const forMs = random.below(8_000);
    this.#sim.tell(process.name, `is cut off from the broker for ${(forMs / 1000).toFixed(1)} s`);
    process.isCutOff = true;
    for (const connection of network.of(process)) this.#cut(connection);
    this.#later(forMs, () => {
      process.isCutOff = false;
    });
  }

  #cutOne(): void {
    const { random, network } = this.#sim;
    const all = [...network.connections];
    const connection = all[random.below(Math.max(1, all.length))];
    if (connection === undefined) return;
    this.#sim.tell(connection.process.name, 'loses one of its connections');
    this.#cut(connection);
  }

  /** Each end notices in its own time. */
  #cut(connection: { cut: (clientAfterMs: number, serverAfterMs: number) => void }): void {
    const { random } = this.#sim;
    const soon = (): number =>
      random.below(2) === 0 ? random.below(50) : random.below(this.#heartbeatsMs());
    connection.cut(soon(), 1 + soon());
  }

  #makeSick(worker: SimWorker): void {
    this.#sim.tell(worker.process.name, 'begins to compute nonsense');
    this.#sim.oracle.hadSickWorkers = true;
    worker.isSick = true;
  }

  #killCoordinator(
    process: SimProcess,
    noticedAfterMs: number,
    isPowerCut: boolean,
    againAfterMs = 200 + this.#sim.random.below(6_000),
  ): void {
    this.#sim.tell(process.name, isPowerCut ? 'is gone with its machine' : 'is killed');
    this.#sim.removeCoordinator(process, noticedAfterMs);
    if (isPowerCut) this.#sim.disk.powerCut();
    this.#later(againAfterMs, () => this.#restartCoordinator());
  }

  #restartCoordinator(): void {
    const { coordinator, outcome } = this.#sim;
    if (coordinator === null && outcome === null) this.#sim.startCoordinator();
  }

  /** The newest one, if there is another. */
  #damageCheckpoint(): void {
    const { disk } = this.#sim;
    const name = disk.damageNewest('/run/checkpoints/step-');
    if (name !== null) this.#sim.tell('disk', `damages ${name}`);
  }

  #fillDisk(): void {
    const { disk, random } = this.#sim;
    if (disk.isFull) return;
    this.#sim.tell('disk', 'is full');
    disk.isFull = true;
    this.#later(random.below(10_000), () => {
      disk.isFull = false;
      this.#sim.tell('disk', 'has room again');
    });
  }

  #restartBroker(): void {
    const { network, random } = this.#sim;
    if (!network.isUp) return;
    this.#sim.tell('broker', 'goes down');
    network.crash();
    this.#later(200 + random.below(8_000), () => this.#broker());
  }

  #broker(): void {
    const { network } = this.#sim;
    if (network.isUp) return;
    network.isUp = true;
    this.#sim.tell('broker', 'is up again');
  }

  #unblock(): void {
    const { network } = this.#sim;
    if (!network.isBlocked) return;
    this.#sim.tell('broker', 'takes messages again');
    network.block(false);
  }

  /** Something that ends a fault; the cluster's patience is counted from there. */
  #later(ms: number, run: () => void): void {
    this.#sim.clock.after(ms, () => {
      run();
      this.#sim.oracle.progressed();
    });
  }

  /** After this long a side that hears nothing gives up. */
  #heartbeatsMs(): number {
    return 2 * this.#sim.schedule.brokerHeartbeatMs;
  }

  /** From here on nothing goes wrong any more: the run has to come to its end. */
  #mend(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { network, oracle, disk } = this.#sim;
    this.#sim.tell('everything', 'is mended');
    network.conditions = { delayMs: [1, 20], hiccup: 0, corrupt: 0 };
    this.#broker();
    this.#unblock();
    disk.isFull = false;
    for (const worker of this.#sim.workers.values()) {
      worker.process.thaw();
      worker.process.isCutOff = false;
      if (worker.isSick) this.#killWorker(worker, 20, 'is taken away');
    }
    for (const { process } of this.#sim.reducers.values()) {
      process.thaw();
      process.isCutOff = false;
    }
    const { coordinator } = this.#sim;
    coordinator?.thaw();
    if (coordinator !== null) coordinator.isCutOff = false;
    this.#restartCoordinator();
    if (this.#sim.workers.size === 0) this.#sim.startWorker();
    oracle.progressed();
  }
}
