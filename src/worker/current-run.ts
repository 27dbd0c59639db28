import type { Kernels } from '../engine/index.js';
import type { BlockResponse, RunOffer, Task, Weights } from '../protocol/index.js';
import { type Delivery, pauseFor, realTimers, type Verdict, type WorkerLink } from '../transport/index.js';
import type { WorkerBlocks } from './blocks.js';
import type { WorkerConfig } from './config.js';
import type { WorkerEvent } from './events.js';
import { takeLocalBlocks } from './local-blocks.js';
import { openRunSession, type RunSession } from './run-session.js';
import { isAway, messageOf, unlessAway } from './sending.js';

export interface CurrentRunOptions {
  config: WorkerConfig;
  kernels: Kernels;
  blocks: WorkerBlocks;
  blockFolder: string;
  link: WorkerLink;
  raise: (event: WorkerEvent) => void;
  onTask: (task: Task, delivery: Delivery) => Promise<Verdict>;
  onWeights: (weights: Weights) => void;
  /** Default: threads of this process. */
  openSession?: typeof openRunSession;
}

/** A goodbye that the broker does not take within this time is not worth waiting for. */
const goodbyeMs = 2_000;

/** The one run that the worker is in, if any: into it and out of it. */
export class CurrentRun {
  readonly #options: CurrentRunOptions;
  #session: RunSession | null = null;
  #joining: { abort: AbortController; done: Promise<void> } | null = null;
  #goodbye: Promise<void> = Promise.resolve();

  constructor(options: CurrentRunOptions) {
    this.#options = options;
  }

  get session(): RunSession | null {
    return this.#session;
  }

  /** `joined` or `join_failed` follows. */
  join(offer: RunOffer): void {
    const abort = new AbortController();
    this.#joining = { abort, done: this.#join(offer, abort.signal) };
  }

  sayGoodbye(run: string, reason: string): void {
    const { link, config } = this.#options;
    const { worker } = config;
    this.#goodbye = unlessAway(link.send(run, { type: 'goodbye', run, worker, reason }), config.log);
  }

  /** After the goodbye, if one was said. `left` follows. */
  async leave(run: string): Promise<void> {
    const { link, config, raise } = this.#options;
    const said = new AbortController();
    await Promise.race([this.#goodbye, pauseFor(config.timers ?? realTimers, goodbyeMs, said.signal)]);
    said.abort();
    await this.#stopJoining();
    await unlessAway(link.leaveRun(), config.log);
    await this.#session?.close();
    this.#session = null;
    raise({ type: 'left', run });
  }

  /** Verifies and keeps a data block; `block_stored` or `block_failed` follows. */
  async storeBlock(response: BlockResponse): Promise<void> {
    const { run, block } = response;
    if (this.#session?.run !== run) return;
    const reason = await this.#session.storeBlock(response);
    if (reason === null) this.#options.raise({ type: 'block_stored', run, block });
    else this.#options.raise({ type: 'block_failed', run, block, reason });
  }

  /** Ends the threads at once. */
  async close(): Promise<void> {
    await this.#stopJoining();
    await this.#session?.close();
    this.#session = null;
  }

  async #stopJoining(): Promise<void> {
    this.#joining?.abort.abort();
    await this.#joining?.done;
    this.#joining = null;
  }

  /** Never rejects: what goes wrong here makes this run impossible for this worker, not the worker itself. */
  async #join(offer: RunOffer, signal: AbortSignal): Promise<void> {
    const { config, kernels, blocks, blockFolder, link, raise, onTask, onWeights } = this.#options;
    const openSession = this.#options.openSession ?? openRunSession;
    const { threads, log } = config;
    const { run } = offer;
    try {
      const onWarning = (message: string): void => log.warn(message);
      this.#session = await openSession({ offer, kernels, threads, blocks, blockFolder, onWarning });
      if (config.localData !== undefined) {
        await this.#takeLocalBlocks(this.#session, config.localData.dataDir, signal);
      }
      if (signal.aborted) return;
      // One block more than threads: the next one is here when a thread gets free.
      const prefetch = threads + 1;
      const weightsKept = 1 + offer.staleness;
      await link.joinRun(run, { prefetch, task: onTask, weights: onWeights, weightsKept });
      log.info(`Taking part in run ${run}.`, { threads, samples: this.#session.manifest.sampleCount });
      raise({ type: 'joined', run });
    } catch (error) {
      raise({ type: 'join_failed', run, reason: messageOf(error), passing: isAway(error) });
    }
  }

  async #takeLocalBlocks(session: RunSession, dataDir: string, signal: AbortSignal): Promise<void> {
    const { config, blocks } = this.#options;
    const { cacheDir, threads, log } = config;
    try {
      const { manifest, put } = session;
      const { has } = blocks;
      log.info(await takeLocalBlocks({ dataDir, manifest, has, put, cacheDir, threads, signal }));
    } catch (error) {
      if (signal.aborted) return;
      log.warn(`The local data are not used, blocks come over the broker instead: ${messageOf(error)}`);
    }
  }
}
