import {
  type Batch,
  encodedBytes,
  type Kernels,
  type LocalTraining,
  type Model,
  type Plan,
  streamWords,
  type Tally,
} from '../engine/index.js';
import { cutSamples, type GradientEncoding, leavesOf } from '../protocol/index.js';
import type { BlockSums, ComputeRequest } from './compute-messages.js';
import { createErrorFeedback } from './error-feedback.js';
import type { Inputs } from './inputs.js';
import { createReplica } from './replica.js';

export interface BlockComputerOptions {
  model: Model;
  plan: Plan;
  kernels: Kernels;
  inputs: Inputs;
  microshards: number;
  seed: number;
  /** Memory for the gradient of a block of that step, f32[parameterCount]; new each time where it is left out. */
  gradientFor?: (step: number) => Float32Array;
  /** Of local SGD, where a leaf of the tree is a replica; null: it is a microshard. */
  localTraining: LocalTraining | null;
  /** What the block's gradient is written in. */
  gradientEncoding: GradientEncoding;
  /** With `topk`: how many of the learnt values are sent; what is not is remembered here, for the blocks that follow. */
  gradientsKept: number;
}

const noGradient = new Float32Array(0);

/** Null if `isAbandoned` said so between two microshards. */
export type BlockComputer = (request: ComputeRequest, isAbandoned: () => boolean) => BlockSums | null;

/**
 * Computes the microshards of a block, or its replicas, one by one and sums them as the tree says: a node is its left half plus its
 * right half. So the block's sum has the same bits as its leaves computed anywhere else and summed later.
 *
 * One gradient for each level of the tree in use is made, once. The gradient that leaves the thread is written where `gradientFor` says.
 *
 * @throws RangeError for a node or samples that the tree or the data set does not have; BlockMissingError
 */
export function createBlockComputer(options: BlockComputerOptions): BlockComputer {
  const { model, plan, kernels, inputs, microshards, seed, localTraining } = options;
  const { gradientEncoding, gradientsKept: kept } = options;
  const { parameterCount, learntCount: learnt } = model;
  const feedback =
    gradientEncoding === 'topk'
      ? createErrorFeedback(kernels, { count: parameterCount, learnt, kept })
      : null;
  const encoded = (gradient: Float32Array, request: ComputeRequest): Uint8Array<ArrayBuffer> | null => {
    if (feedback !== null) {
      return feedback.encode(gradient, { fence: request.fence, samples: request.samples.length });
    }
    if (gradientEncoding === 'f32' || gradientEncoding === 'topk') return null;
    const bytes = new Uint8Array(encodedBytes(gradientEncoding, parameterCount));
    kernels.encode(bytes, gradient, gradientEncoding, roundingStream(seed, request));
    return bytes;
  };
  const batch: Batch = { pixels: new Uint8Array(0), labels: new Uint8Array(0), count: 0 };
  const key = { seed, step: 0, microshard: 0 };
  const gradientFor = options.gradientFor ?? (() => new Float32Array(model.parameterCount));
  const replica = localTraining === null ? null : createReplica(model, plan, localTraining, batch);
  const stepsPerLeaf = localTraining?.steps ?? 1;
  const rightSums: Float32Array[] = [];
  const rightSum = (level: number): Float32Array =>
    (rightSums[level] ??= new Float32Array(model.parameterCount));

  return (request, isAbandoned) => {
    const { first, count } = leavesOf(request.node, microshards);
    const cuts = cutSamples(request.samples.length, count, request.perMicroshard);
    const perStep = request.perMicroshard / stepsPerLeaf;
    if (request.mode === 'train' && !(Number.isInteger(perStep) && perStep <= plan.capacity)) {
      throw new RangeError(
        `Expected microshards of at most ${plan.capacity * stepsPerLeaf} samples, got ${request.perMicroshard}.`,
      );
    }
    const parameters = new Float32Array(request.parameters, 0, model.parameterCount);
    const isTraining = request.mode === 'train';
    const sums: BlockSums = {
      samples: request.samples.length,
      lossSum: 0,
      correct: 0,
      confusion: new Uint32Array(isTraining ? 0 : model.classes ** 2),
      gradient: isTraining ? gradientFor(request.step) : noGradient,
      encoded: null,
    };

    const load = (from: number, length: number): void => {
      if (isTraining) inputs.train(batch, request, from, length);
      else inputs.evaluate(batch, request.samples, from, length);
    };

    const tallied = (tally: Tally): number => {
      sums.correct += tally.correct;
      if (!isTraining) for (const [i, n] of tally.confusion.entries()) sums.confusion[i] += n;
      return tally.lossSum;
    };

    const train = (leaf: number, gradient: Float32Array): number => {
      const cut = cuts[leaf];
      if (replica !== null) {
        const { step } = request;
        const work = { parameters, samples: cut.count, perStep, seed, step, replica: first + leaf };
        const loadStep = (from: number, length: number): void => load(cut.first + from, length);
        return replica(work, loadStep, gradient, tallied, isAbandoned);
      }
      load(cut.first, cut.count);
      key.step = request.step;
      key.microshard = first + leaf;
      return tallied(plan.gradient(parameters, batch, key, gradient));
    };

    /** An evaluated microshard may be larger than the plan: pieces of the plan's size, in order. */
    const evaluate = (leaf: number): number => {
      const cut = cuts[leaf];
      let lossSum = 0;
      for (let done = 0; done < cut.count; done += plan.capacity) {
        load(cut.first + done, Math.min(plan.capacity, cut.count - done));
        lossSum += tallied(plan.evaluate(parameters, batch));
      }
      return lossSum;
    };

    /** gradient ← sum over the leaves [leaf, leaf + width); returns their loss sum. */
    const sumTree = (leaf: number, width: number, gradient: Float32Array, level: number): number => {
      if (isAbandoned()) return 0;
      if (width === 1) return isTraining ? train(leaf, gradient) : evaluate(leaf);
      const half = width / 2;
      const left = sumTree(leaf, half, gradient, level + 1);
      const rightGradient = isTraining ? rightSum(level) : gradient;
      const right = sumTree(leaf + half, half, rightGradient, level + 1);
      if (isTraining) kernels.add(gradient, rightGradient);
      return left + right;
    };

    sums.lossSum = sumTree(0, count, sums.gradient, 0);
    if (isAbandoned()) return null;
    const bytes = isTraining ? encoded(sums.gradient, request) : null;
    if (bytes === null) return sums;
    return { ...sums, gradient: noGradient, encoded: { encoding: gradientEncoding, bytes } };
  };
}

/** Keeps the draws apart from every other one that is keyed by seed and step. */
const roundingKey = 0x72_6f_75;

/** What a block's gradient is rounded by: whoever computes the block, and however often, rounds alike. */
function roundingStream(seed: number, { step, node }: ComputeRequest): Int32Array {
  return streamWords(seed, roundingKey, step, node);
}
