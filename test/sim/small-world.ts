import { createHash } from 'node:crypto';
import { stepSamples, type TrainingSpec } from '../../src/coordinator/spec.js';
import type { Pack, PackManifest, SampleReader } from '../../src/data/index.js';
import {
  buildModel,
  createLocalTraining,
  type Kernels,
  type LocalTraining,
  type Model,
  type Plan,
  parseLocalTraining,
  referenceKernels,
  type Tally,
} from '../../src/engine/index.js';
import type { RunOffer } from '../../src/protocol/index.js';
import { type BlockComputer, createBlockComputer } from '../../src/worker/block-computer.js';
import { createGradientSource } from '../../src/worker/gradient-buffers.js';
import { createInputs } from '../../src/worker/inputs.js';
import { perMicroshard, smallImages, specOf, type WorldChoice } from './spec.js';
import { standsFor } from './stand-in.js';

const samplesPerBlock = 48;

/** A run as small as it can be: six parameters, images of two bytes. Everything but the tensors' size is as it is. */
export interface World {
  spec: TrainingSpec;
  model: Model;
  pack: Pack;
  kernels: Kernels;
  /** What a thread, of so many in its worker, computes with for the run of this offer, from the samples that `reader` has. */
  computer(reader: SampleReader, offer: RunOffer, threads: number): BlockComputer;
}

/** Stands for the augmentation: a wrong epoch, or another sample, shows in the bits. */
const tint = (pixels: Uint8Array, indices: Uint32Array, epoch: number): void => {
  for (const [i, index] of indices.entries()) pixels[2 * i] ^= (index * 7 + epoch * 29) & 63;
};

export function createWorld(choice: WorldChoice): World {
  const spec = specOf(choice);
  const full = stepSamples(spec);
  // The last step of an epoch is a short one.
  const trained = (choice.stepsPerEpoch - 1) * full + Math.ceil(full / 3);
  const { validate } = spec;
  const validated = validate !== null && 'fraction' in validate ? validate.fraction : 0;
  const sampleCount = Math.ceil(trained / (1 - validated));
  const model = buildModel(spec.model);
  return {
    spec,
    model,
    pack: createPack(sampleCount),
    kernels: referenceKernels,
    computer: (reader, offer, threads) => {
      const inputs = createInputs({ reader, augment: tint, sampleBytes: 2, capacity: perMicroshard });
      const compute = createBlockComputer({
        model,
        plan: createSmallPlan(model),
        kernels: referenceKernels,
        inputs,
        microshards: offer.microshards,
        seed: offer.seed,
        gradientFor: createGradientSource(model.parameterCount, { ...offer, threads }),
        localTraining: localTrainingOf(model, offer),
        gradientEncoding: offer.gradientEncoding,
        gradientsKept: offer.gradientsKept,
      });
      // As a compute thread does.
      return (request, isAbandoned) => {
        const sums = compute(request, isAbandoned);
        const { mode, nextSamples: samples, epoch } = request;
        if (mode === 'train') inputs.prepare({ samples, epoch });
        return sums;
      };
    },
  };
}

const localTrainingOf = (model: Model, { localTrainingJson }: RunOffer): LocalTraining | null =>
  localTrainingJson === ''
    ? null
    : createLocalTraining(model, parseLocalTraining(JSON.parse(localTrainingJson)), referenceKernels);

/**
 * In place of layers: a gradient that is a function of parameters, samples and step, whose values are so far apart that any
 * other order of the additions gives other bits.
 */
function createSmallPlan(model: Model): Plan {
  const count = model.parameterCount;
  const tallyOf = (parameters: Float32Array, batch: Parameters<Plan['gradient']>[1]): Tally => {
    const confusion = new Uint32Array(model.classes ** 2);
    let lossSum = 0;
    let correct = 0;
    for (let i = 0; i < batch.count; i++) {
      const truth = batch.labels[i] % model.classes;
      const guess = parameters[i % count] * batch.pixels[2 * i] > 0 ? 1 : 0;
      lossSum += (batch.pixels[2 * i + 1] + 1) / 7 + parameters[i % count] ** 2;
      correct += truth === guess ? 1 : 0;
      confusion[truth * model.classes + guess] += 1;
    }
    return { samples: batch.count, lossSum, correct, confusion };
  };
  const plan: Omit<Plan, 'predict' | 'memory'> = {
    capacity: perMicroshard,
    gradient(parameters, batch, key, gradient) {
      gradient.fill(0);
      for (let i = 0; i < batch.count; i++) {
        const a = batch.pixels[2 * i];
        const b = batch.pixels[2 * i + 1];
        for (let p = 0; p < count; p++) {
          const scale = 2 ** (((a * 7 + b + p * 5 + key.step) % 24) - 18);
          gradient[p] += ((b % 13) - 6 + parameters[p] * (1 + (a % 3))) * scale;
        }
      }
      return tallyOf(parameters, batch);
    },
    evaluate: tallyOf,
  };
  standsFor<Plan>(plan);
  return plan;
}

/** labels[n], then pixels[n][2], as a true block has them. */
function blockBytes(block: number, sampleCount: number): Buffer {
  const from = block * samplesPerBlock;
  const count = Math.min(samplesPerBlock, sampleCount - from);
  const bytes = Buffer.alloc(count * 3);
  for (let i = 0; i < count; i++) {
    const mixed = Math.imul(from + i + 1, 0x9e37_79b1) >>> 0;
    bytes[i] = mixed % 2;
    bytes[count + 2 * i] = mixed >>> 8;
    bytes[count + 2 * i + 1] = mixed >>> 16;
  }
  return bytes;
}

function createPack(sampleCount: number): Pack {
  const blocks = Array.from({ length: Math.ceil(sampleCount / samplesPerBlock) }, (_, block) => ({
    hash: createHash('sha256').update(blockBytes(block, sampleCount)).digest('hex'),
    samples: Math.min(samplesPerBlock, sampleCount - block * samplesPerBlock),
  }));
  const manifest: PackManifest = {
    hash: createHash('sha256').update(JSON.stringify(blocks)).digest('hex'),
    preprocessing: smallImages,
    sampleBytes: 2,
    samplesPerBlock,
    sampleCount,
    blocks,
    folders: [{ name: 'a', first: 0, count: sampleCount }],
  };
  const stored = new Map(
    blocks.map(({ hash }, block): [string, Uint8Array] => [hash, blockBytes(block, sampleCount)]),
  );
  const pack: Omit<Pack, 'labels'> = {
    manifest,
    reader: createReader(manifest, stored),
    names: (index) => `a/${index}.png`,
    rejects: [],
    notes: [],
    fromCache: false,
    readBlock: async (block) => blockBytes(block, sampleCount),
    close: async () => undefined,
  };
  standsFor<Pack>(pack);
  return pack;
}

/** Reads samples out of the blocks that are there. */
export function createReader(manifest: PackManifest, blocks: ReadonlyMap<string, Uint8Array>): SampleReader {
  return {
    read(indices, pixels, labels) {
      for (const [i, index] of indices.entries()) {
        const number = Math.floor(index / samplesPerBlock);
        const block = manifest.blocks[number];
        const bytes = block === undefined ? undefined : blocks.get(block.hash);
        if (block === undefined || bytes === undefined) throw new RangeError(`There is no sample ${index}.`);
        const within = index - number * samplesPerBlock;
        labels[i] = bytes[within];
        pixels.set(bytes.subarray(block.samples + 2 * within, block.samples + 2 * within + 2), 2 * i);
      }
    },
  };
}
