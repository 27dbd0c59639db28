import { createHash } from 'node:crypto';
import { connect } from 'amqplib';
import { BlockMismatchError } from '../../src/data/index.js';
import { createRandom, type Random } from '../../src/engine/index.js';
import type { Log } from '../../src/metrics/index.js';
import type { Task } from '../../src/protocol/index.js';
import { createRabbitTransport } from '../../src/transport/index.js';
import type { WorkerBlocks } from '../../src/worker/blocks.js';
import type { ComputeOutcome } from '../../src/worker/compute-pool.js';
import type { Decision } from '../../src/worker/decide.js';
import type { WorkerAction, WorkerEvent } from '../../src/worker/events.js';
import { Performer } from '../../src/worker/performer.js';
import type { RunSession, SessionOptions } from '../../src/worker/run-session.js';
import type { WorkerState } from '../../src/worker/state.js';
import { createWeightsShelf } from '../../src/worker/weights-shelf.js';
import type { SimProcess, VirtualClock } from './clock.js';
import type { Mutation } from './mutation.js';
import type { SimNetwork } from './network.js';
import { blockName } from './oracle.js';
import { createReader, type World } from './small-world.js';
import { standsFor } from './stand-in.js';

const nameOf = ({ fence, step, pass, node }: Task): string => blockName(fence, step, pass, node);

export interface SimWorkerOptions {
  process: SimProcess;
  clock: VirtualClock;
  network: SimNetwork;
  world: World;
  threads: number;
  microshardMs: number;
  brokerHeartbeatMs: number;
  /** Blocks of an earlier life. */
  cache: Map<string, Uint8Array>;
  seed: number;
  mutation: Mutation;
  onAction: (action: WorkerAction) => void;
  /** It holds more than it may. */
  onExcess: (what: string) => void;
  log: Log;
}

/** A worker process: its performer, decider and transport are the true ones; threads, disk and network are simulated. */
export class SimWorker {
  readonly options: SimWorkerOptions;
  /** Set when it is up. */
  performer: Performer | null = null;
  isSick = false;
  isDraining = false;
  /** Blocks that it acked since it has them in hand already. */
  readonly twins = new Set<string>();
  readonly #random: Random;

  constructor(options: SimWorkerOptions) {
    this.options = options;
    this.#random = createRandom(options.seed);
  }

  get process(): SimProcess {
    return this.options.process;
  }

  /** Resolves when the worker is over, rejects if it could not begin or lost the broker for good. */
  async run(): Promise<void> {
    const { process, clock, network, world, threads, mutation, log } = this.options;
    const now = (): number => clock.nowMs;
    const open = () => network.connect(process, this.options.brokerHeartbeatMs);
    standsFor<typeof connect>(open);
    const transport = await createRabbitTransport({
      url: 'amqp://broker',
      connect: open,
      timers: process.timers,
      now,
      random: () => this.#random.float(),
      heartbeatMs: this.options.brokerHeartbeatMs,
      log,
    });
    const link = await transport.openWorker({ worker: process.name });
    const performer = new Performer(
      {
        config: {
          worker: process.name,
          transport,
          threads,
          cacheDir: '/cache',
          once: false,
          log,
          machine: { host: `host-of-${process.name}`, pid: 1, rssBytes: () => 0 },
          version: 'simulated',
          now,
          timers: process.timers,
        },
        kernels: world.kernels,
        blocks: this.#openBlocks(),
        blockFolder: '/cache/blocks',
        eventLoop: { takeMs: () => 0, stop: () => undefined },
        decide: (state, event, nowMs) => {
          const decision = mutation.decideWorker(state, event, nowMs);
          for (const action of decision.actions) this.options.onAction(action);
          this.#noteTwins(state, event, decision);
          return decision;
        },
        openSession: async (options) => this.#openSession(options),
      },
      link,
    );
    this.performer = performer;
    await performer.start();
    await performer.finished;
  }

  /** The files of its cache are gone, while it runs. */
  loseCache(): void {
    this.options.cache.clear();
  }

  #noteTwins(before: WorkerState, event: WorkerEvent, { state, actions }: Decision): void {
    if (before.stage.type !== 'run' || state.stage.type !== 'run') return;
    for (const action of actions) {
      if (action.type !== 'settle' || action.verdict !== 'ack') continue;
      const { delivery } = action;
      const known = before.stage.run.tasks.find((held) => held.delivery === delivery)?.task;
      const task = known ?? (event.type === 'task' && event.delivery === delivery ? event.task : null);
      if (task === null) continue;
      const name = nameOf(task);
      const inHand = state.stage.run.tasks.filter((held) => held.phase !== 'abandoned');
      if (inHand.some((held) => held.delivery !== delivery && nameOf(held.task) === name))
        this.twins.add(name);
    }
  }

  #openBlocks(): WorkerBlocks {
    const { cache } = this.options;
    const has = (hash: string): boolean => cache.has(hash);
    return {
      has,
      put: async (hash, bytes) => {
        const found = createHash('sha256').update(bytes).digest('hex');
        if (found !== hash) throw new BlockMismatchError(`Expected a data block ${hash}, got ${found}.`);
        cache.set(hash, bytes.slice());
      },
      missing: ({ blocks, samplesPerBlock }, indices) => {
        const wanted = new Set<number>();
        for (const index of indices) wanted.add(Math.floor(index / samplesPerBlock));
        return [...wanted].filter((block) => !has(blocks[block].hash)).toSorted((a, b) => a - b);
      },
      lose: (hash) => void cache.delete(hash),
      shared: new Map(),
      close: () => undefined,
    };
  }

  #openSession({ offer, blocks }: SessionOptions): RunSession {
    const { world, microshardMs, process, cache } = this.options;
    const { manifest } = world.pack;
    const weights = createWeightsShelf(offer.parameterCount, world.kernels);
    const compute = world.computer(createReader(manifest, cache));
    const inWork = new Map<number, (outcome: ComputeOutcome) => void>();
    const put = async (hash: string, bytes: Uint8Array): Promise<void> => blocks.put(hash, bytes);
    return {
      run: offer.run,
      manifest,
      put,
      weights,
      missing: (task) => blocks.missing(manifest, task.samples),
      blockHash: (block) => manifest.blocks[block]?.hash ?? '',
      storeBlock: async ({ block, hash, bytes, error }) => {
        if (error !== '') return error;
        if (hash !== manifest.blocks[block]?.hash) return `another block came: ${hash}.`;
        await put(hash, bytes);
        return null;
      },
      compute: (delivery, task) => {
        const borrowed = weights.borrow(task.weightsVersion);
        // One for each thread that reads, and those that may be read next.
        const most = this.options.threads + 1 + offer.staleness;
        if (weights.buffers > most)
          this.options.onExcess(`${weights.buffers} copies of the weights, ${most} are enough`);
        const outcome = new Promise<ComputeOutcome>((resolve) => {
          inWork.set(delivery, resolve);
          const isAllThere = blocks.missing(manifest, task.samples).length === 0;
          const computeMs = isAllThere ? this.#computeMs(task.samples.length, microshardMs) : 1;
          process.after(computeMs, () => {
            const [missing] = blocks.missing(manifest, task.samples);
            if (missing !== undefined) return resolve({ type: 'block_missing', block: missing });
            // The parameters are read at the end: if they have changed under the computation, its bits tell.
            const request = {
              id: delivery,
              mode: task.mode,
              fence: task.fence,
              step: task.step,
              epoch: task.epoch,
              node: task.node,
              samples: task.samples,
              nextSamples: task.nextSamples,
              perMicroshard: task.evaluationSamples,
              parameters: borrowed.buffer,
            };
            const sums = compute(request, () => false);
            if (sums === null) return resolve({ type: 'abandoned' });
            if (this.isSick) this.#spoil(sums);
            return resolve({ type: 'computed', sums, computeMs, thread: 0, threads: 1 });
          });
        });
        return outcome.finally(() => {
          inWork.delete(delivery);
          borrowed.giveBack();
        });
      },
      abandon: (delivery) => inWork.get(delivery)?.({ type: 'abandoned' }),
      close: async () => {
        for (const resolve of inWork.values()) resolve({ type: 'abandoned' });
      },
    };
  }

  #computeMs(samples: number, microshardMs: number): number {
    const usualMs = Math.max(1, samples / 16) * microshardMs * (0.9 + 0.2 * this.#random.float());
    // Now and then something else has the processor.
    return this.#random.float() < 0.03 ? usualMs + 10_000 * this.#random.float() : usualMs;
  }

  /** What bad memory or a wrong build would send. */
  #spoil(sums: { samples: number; gradient: Float32Array; lossSum: number }): void {
    const dice = this.#random.below(5);
    if (dice === 0 && sums.gradient.length > 0) sums.gradient[0] = Number.NaN;
    else if (dice === 1 && sums.gradient.length > 0) sums.gradient[1] = Number.POSITIVE_INFINITY;
    else if (dice === 2) sums.lossSum = Number.NaN;
    else if (dice === 3) sums.gradient = sums.gradient.subarray(1).slice();
    else if (dice === 4) sums.samples += 1;
  }
}
