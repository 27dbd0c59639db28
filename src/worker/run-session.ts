import { BlockMismatchError, type PackManifest, parseManifest } from '../data/index.js';
import { buildModel, type Kernels, parseModelSpec } from '../engine/index.js';
import type { BlockResponse, RunOffer, Task } from '../protocol/index.js';
import type { WorkerBlocks } from './blocks.js';
import { type ComputeOutcome, type ComputePool, openComputePool } from './compute-pool.js';
import { computeShared } from './shared-block.js';
import { createWeightsShelf, type WeightsShelf } from './weights-shelf.js';

export interface SessionOptions {
  offer: RunOffer;
  kernels: Kernels;
  threads: number;
  blocks: WorkerBlocks;
  blockFolder: string;
  onWarning: (message: string) => void;
}

/** What a worker holds for the run it is in: the threads with their plans, the weights, the way to the samples. */
export interface RunSession {
  readonly run: string;
  readonly manifest: PackManifest;
  readonly weights: WeightsShelf;
  /** Blocks with samples of the task that are not here. */
  missing(task: Task): number[];
  blockHash(block: number): string;
  /** Verifies and keeps a block for all threads. BlockMismatchError if the bytes are not those of the hash. */
  put: (hash: string, bytes: Uint8Array) => Promise<void>;
  /** The same for a block that was sent; says why not, or null. */
  storeBlock(response: BlockResponse): Promise<string | null>;
  /** On `width` threads, a power of two and at most the leaves of the task's node. */
  compute(delivery: number, task: Task, width: number): Promise<ComputeOutcome>;
  abandon(delivery: number): void;
  close(): Promise<void>;
}

const monotonicMs = (): number => performance.now();

/**
 * Checks the offer and opens the threads.
 *
 * @throws SpecError, DataError or Error: this worker cannot compute for this run; the message says why
 */
export async function openRunSession(options: SessionOptions): Promise<RunSession> {
  const { offer, kernels, threads, blocks } = options;
  const manifest = parseManifest(JSON.parse(offer.manifestJson));
  const model = buildModel(parseModelSpec(JSON.parse(offer.modelSpecJson)));
  if (model.parameterCount !== offer.parameterCount) {
    throw new Error(
      `expected a model of ${offer.parameterCount} parameters, its spec gives ${model.parameterCount}: the versions of Onko differ.`,
    );
  }
  const { gradientEncoding, gradientsKept } = offer;
  if (gradientEncoding === 'topk' && !(gradientsKept >= 1 && gradientsKept <= model.learntCount)) {
    throw new Error(
      `expected to keep 1 to ${model.learntCount} values of a gradient, the run asks for ${gradientsKept}.`,
    );
  }
  const weights = createWeightsShelf(model.parameterCount, kernels, !offer.newestWeights);
  const pool: ComputePool = await openComputePool({
    threads,
    recipe: {
      modelSpecJson: offer.modelSpecJson,
      manifestJson: offer.manifestJson,
      kernels: kernels.name,
      numericsId: offer.numericsId,
      microshards: offer.microshards,
      microshardSamples: offer.microshardSamples,
      seed: offer.seed,
      augmentationJson: offer.augmentationJson,
      lossJson: offer.lossJson,
      localTrainingJson: offer.localTrainingJson,
      gradientEncoding: offer.gradientEncoding,
      gradientsKept: offer.gradientsKept,
      staleness: offer.staleness,
      newestWeights: offer.newestWeights,
      threads,
      blockFolder: options.blockFolder,
    },
    shared: blocks.shared,
    onWarning: options.onWarning,
  });
  const sharing = { pool, kernels, microshards: offer.microshards, now: monotonicMs };
  const put = async (hash: string, bytes: Uint8Array): Promise<void> => {
    await blocks.put(hash, bytes);
    const shared = blocks.shared.get(hash);
    if (shared !== undefined) pool.addBlock(hash, shared);
  };
  return {
    run: offer.run,
    manifest,
    put,
    weights,
    missing(task) {
      // Of a sample that the data set does not have, the thread's own refusal tells.
      const known = task.samples.filter((index) => index < manifest.sampleCount);
      return blocks.missing(manifest, known);
    },
    blockHash: (block) => manifest.blocks[block]?.hash ?? '',
    async storeBlock({ block, hash, bytes, error }) {
      if (error !== '') return error;
      if (hash !== manifest.blocks[block]?.hash) return `another block came: ${hash}.`;
      try {
        await put(hash, bytes);
        return null;
      } catch (failure) {
        if (failure instanceof BlockMismatchError) return failure.message;
        throw failure;
      }
    },
    async compute(delivery, task, width) {
      const borrowed = weights.borrow(task.weightsVersion);
      try {
        const request = {
          id: delivery,
          mode: task.mode,
          fence: task.fence,
          step: task.step,
          epoch: task.epoch,
          node: task.node,
          // A copy: a view would take the whole buffer behind it along to the thread.
          samples: task.samples.slice(),
          nextSamples: task.nextSamples.slice(),
          perMicroshard: task.evaluationSamples,
          parameters: borrowed.buffer,
        };
        const outcome =
          width === 1 ? await pool.compute(request) : await computeShared(request, width, sharing);
        if (outcome.type === 'block_missing') blocks.lose(manifest.blocks[outcome.block].hash);
        return outcome;
      } finally {
        borrowed.giveBack();
      }
    },
    abandon: (delivery) => pool.abandon(delivery),
    close: () => pool.close(),
  };
}
