import { createHash } from 'node:crypto';
import { BlockMismatchError } from '../../src/data/index.js';
import { createRandom, type Random } from '../../src/engine/index.js';
import type { Log } from '../../src/metrics/index.js';
import type { Task } from '../../src/protocol/index.js';
import type { WorkerBlocks } from '../../src/worker/blocks.js';
import type { BlockSums } from '../../src/worker/compute-messages.js';
import type { Decision } from '../../src/worker/decide.js';
import type { WorkerAction, WorkerEvent } from '../../src/worker/events.js';
import { Performer } from '../../src/worker/performer.js';
import type { RunSession, SessionOptions } from '../../src/worker/run-session.js';
import { computeShared } from '../../src/worker/shared-block.js';
import type { WorkerState } from '../../src/worker/state.js';
import { createWeightsShelf } from '../../src/worker/weights-shelf.js';
import type { SimProcess, VirtualClock } from './clock.js';
import { blockName } from './handed-in.js';
import type { Mutation } from './mutation.js';
import type { SimNetwork } from './network.js';
import { createSimThreads } from './sim-threads.js';
import { openSimTransport } from './sim-transport.js';
import { createReader, type World } from './small-world.js';

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
    const transport = await openSimTransport({
      process,
      clock,
      network,
      heartbeatMs: this.options.brokerHeartbeatMs,
      random: this.#random,
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
    const { world, microshardMs, process, cache, threads, clock } = this.options;
    const { kernels } = world;
    const { manifest } = world.pack;
    const weights = createWeightsShelf(offer.parameterCount, kernels, !offer.newestWeights);
    const reader = createReader(manifest, cache);
    const pool = createSimThreads({
      computers: Array.from({ length: threads }, () => world.computer(reader, offer, threads)),
      missing: ({ samples }) => blocks.missing(manifest, samples)[0],
      computeMs: (samples) => this.#computeMs(samples, microshardMs),
      after: (ms, run) => process.after(ms, run),
    });
    const sharing = { pool, kernels, microshards: offer.microshards, now: () => clock.nowMs };
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
      compute: async (delivery, task, width) => {
        const borrowed = weights.borrow(task.weightsVersion);
        // One for each thread that reads, and those that may be read next.
        const most = threads + 1 + offer.staleness;
        if (weights.buffers > most)
          this.options.onExcess(`${weights.buffers} copies of the weights, ${most} are enough`);
        const {
          mode,
          fence,
          step,
          epoch,
          node,
          samples,
          nextSamples,
          evaluationSamples: perMicroshard,
        } = task;
        const where = { id: delivery, mode, fence, step, epoch, node };
        const request = { ...where, samples, nextSamples, perMicroshard, parameters: borrowed.buffer };
        const outcome = width === 1 ? pool.compute(request) : computeShared(request, width, sharing);
        const computed = await outcome.finally(() => borrowed.giveBack());
        if (computed.type === 'computed' && this.isSick) spoil(computed.sums, this.#random);
        return computed;
      },
      abandon: (delivery) => pool.abandon(delivery),
      close: () => pool.close(),
    };
  }

  #computeMs(samples: number, microshardMs: number): number {
    const usualMs = Math.max(1, samples / 16) * microshardMs * (0.9 + 0.2 * this.#random.float());
    // Now and then something else has the processor.
    return this.#random.float() < 0.03 ? usualMs + 10_000 * this.#random.float() : usualMs;
  }
}

/** What bad memory or a wrong build would send. */
function spoil(sums: BlockSums, random: Random): void {
  const dice = random.below(5);
  const { gradient, encoded } = sums;
  if (dice === 2) sums.lossSum = Number.NaN;
  else if (dice === 4) sums.samples += 1;
  else if (encoded !== null) sums.encoded = { ...encoded, bytes: spoilt(encoded.bytes, dice) };
  else if (gradient.length === 0) return;
  else if (dice === 0) gradient[0] = Number.NaN;
  else if (dice === 1) gradient[1] = Number.POSITIVE_INFINITY;
  else sums.gradient = gradient.subarray(1).slice();
}

/** Each encoding begins with a scale. */
function spoilt(bytes: Uint8Array<ArrayBuffer>, dice: number): Uint8Array<ArrayBuffer> {
  if (dice > 1) return bytes.slice(4);
  const scale = dice === 0 ? Number.NaN : Number.POSITIVE_INFINITY;
  new DataView(bytes.buffer).setFloat32(bytes.byteOffset, scale, true);
  return bytes;
}
