import { decodeCheckpoint } from '../../src/coordinator/checkpoint.js';
import { startCoordinator } from '../../src/coordinator/coordinator.js';
import type { Action } from '../../src/coordinator/decide/actions.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { type Coordinator, type CoordinatorConfig, defaultPatience } from '../../src/coordinator/index.js';
import { runPaths } from '../../src/coordinator/run-dir.js';
import { isReproducible } from '../../src/coordinator/spec.js';
import type { Random } from '../../src/engine/index.js';
import { createRegistry, type Log } from '../../src/metrics/index.js';
import { canonicalJson } from '../../src/store/index.js';
import type { SimProcess, VirtualClock } from './clock.js';
import type { SimDisk } from './disk.js';
import { FoldedSums } from './folded-sums.js';
import type { Mutation } from './mutation.js';
import type { SimNetwork } from './network.js';
import type { Oracle } from './oracle.js';
import type { Schedule } from './schedule.js';
import { openSimTransport } from './sim-transport.js';
import type { World } from './small-world.js';

/** Of the one run, on the disk that every coordinator finds. */
export const outDir = '/run';

export interface SimCoordinatorOptions {
  process: SimProcess;
  clock: VirtualClock;
  network: SimNetwork;
  disk: SimDisk;
  world: World;
  oracle: Oracle;
  schedule: Schedule;
  mutation: Mutation;
  random: Random;
  onAction: (action: Action) => void;
  log: Log;
}

/** A coordinator process, all of it true but network and disk, and watched by the oracle. */
export class SimCoordinator {
  /** It was asked to end. */
  isStopping = false;
  readonly #options: SimCoordinatorOptions;
  /** Null until it has begun. */
  #running: Coordinator | null = null;

  constructor(options: SimCoordinatorOptions) {
    this.#options = options;
  }

  get process(): SimProcess {
    return this.#options.process;
  }

  /** Resolves with how the run has ended for this coordinator. */
  async run(): Promise<string> {
    const { oracle } = this.#options;
    this.#running = await this.#start(await this.#configure());
    const { outcome, modelSha256 } = await this.#running.finished;
    if (outcome === 'finished') oracle.finished(modelSha256, this.#rest());
    return outcome;
  }

  /** Nothing happens if it has not begun, or was asked already. */
  stop(): void {
    const running = this.#running;
    if (running === null || this.isStopping) return;
    this.#options.log.info('is asked to stop');
    this.isStopping = true;
    this.process.enter(() => {
      running.stop().catch(() => undefined);
    });
  }

  async #configure(): Promise<CoordinatorConfig> {
    const { process, clock, network, disk, world, schedule, mutation, random, log } = this.#options;
    const now = (): number => clock.nowMs;
    const transport = await openSimTransport({
      process,
      clock,
      network,
      heartbeatMs: schedule.brokerHeartbeatMs,
      random,
      log,
    });
    return {
      spec: world.spec,
      pack: world.pack,
      transport,
      kernels: world.kernels,
      outDir,
      resume: true,
      minWorkers: schedule.minWorkers,
      workerWaitMs: null,
      checkpointEveryMs: schedule.checkpointEveryMs,
      keepCheckpoints: schedule.keepCheckpoints,
      heartbeatMs: schedule.heartbeatMs,
      auditShare: schedule.auditShare,
      reducers: schedule.reducers,
      version: 'simulated',
      metrics: createRegistry(),
      log,
      now,
      timers: process.timers,
      files: mutation.filesOf(disk.filesOf(process)),
      // Here workers die by chance, and often with the same block in hand: that is not the block's fault.
      patience: { ...defaultPatience, failuresToQuarantine: 1_000_000 },
    };
  }

  #start(config: CoordinatorConfig): Promise<Coordinator> {
    const { world, oracle, mutation, onAction } = this.#options;
    let state: CoordinatorState | null = null;
    return startCoordinator(config, {
      decide: (before, event, nowMs) => {
        const decision = mutation.decideCoordinator(before, event, nowMs);
        state = decision.state;
        for (const action of decision.actions) onAction(action);
        oracle.decided(decision.state, event, decision);
        return decision;
      },
      createStepWork: (run, kernels, timeline, clock) => {
        const { trainer } = run;
        oracle.startsWith(trainer, world.spec);
        const sums = new FoldedSums(world.spec.microshards, world.model.parameterCount, (step) =>
          oracle.fail('each once', `step ${step} is applied with other gradients than were folded`),
        );
        const watched = isReproducible(world.spec) ? run : { ...run, trainer: sums.ofTrainer(trainer) };
        const work = mutation.createStepWork(watched, kernels, timeline, clock);
        return oracle.watch(isReproducible(world.spec) ? work : sums.ofWork(work), trainer, () => state);
      },
      writeCurves: async () => undefined,
    });
  }

  /** Optimizer and history: with the model, everything that must not depend on the schedule. Null if the file rots. */
  #rest(): string | null {
    const { disk, world } = this.#options;
    const [newest] = disk.list(`${runPaths(outDir).checkpoints}/step-`).toReversed();
    const bytes = newest === undefined ? null : disk.readWhole(newest);
    if (bytes === null) return null;
    const { metadata, optimizerState } = decodeCheckpoint(world.model, bytes);
    const history = metadata.history.map((row) => Object.entries(row).filter(([name]) => !isTime(name)));
    const slots = Object.entries(optimizerState.slots).map(([name, values]) => [name, [...values]] as const);
    return canonicalJson({ history, slots, updates: optimizerState.updates, step: metadata.step });
  }
}

/** Columns of the history that may differ. */
const isTime = (name: string): boolean => name === 'seconds' || name === 'imagesPerSecond';
