import { createRandom } from '../../src/engine/index.js';
import { createRegistry, type Log } from '../../src/metrics/index.js';
import type { RunningReducer } from '../../src/reducer/config.js';
import { createReducerMetrics } from '../../src/reducer/metrics.js';
import { startPerformer } from '../../src/reducer/performer.js';
import type { SimProcess, VirtualClock } from './clock.js';
import type { SimNetwork } from './network.js';
import { openSimTransport } from './sim-transport.js';
import type { World } from './small-world.js';

export interface SimReducerOptions {
  process: SimProcess;
  clock: VirtualClock;
  network: SimNetwork;
  world: World;
  brokerHeartbeatMs: number;
  seed: number;
  log: Log;
}

/** A reducer process, all of it true but the network. */
export class SimReducer {
  readonly options: SimReducerOptions;
  isDraining = false;
  /** Set when it is up. */
  running: RunningReducer | null = null;

  constructor(options: SimReducerOptions) {
    this.options = options;
  }

  get process(): SimProcess {
    return this.options.process;
  }

  /** Resolves when the reducer is over, rejects if it could not begin or lost the broker for good. */
  async run(): Promise<void> {
    const { process, clock, network, world, brokerHeartbeatMs, seed, log } = this.options;
    const { kernels } = world;
    const random = createRandom(seed);
    const now = (): number => clock.nowMs;
    const transport = await openSimTransport({
      process,
      clock,
      network,
      heartbeatMs: brokerHeartbeatMs,
      random,
      log,
    });
    const reducer = process.name;
    const link = await transport.openReducer({ reducer });
    const metrics = createRegistry();
    const version = 'simulated';
    const facts = { reducer, version, kernels: kernels.name, numericsId: kernels.numericsId };
    const machine = { host: `host-of-${reducer}`, pid: 1 };
    const config = { reducer, transport, once: false, run: null, log, metrics, machine, version };
    this.running = await startPerformer(
      { ...config, now, timers: process.timers },
      kernels,
      link,
      createReducerMetrics(metrics, facts, now),
    );
    await this.running.finished;
  }
}
