import { createHash } from 'node:crypto';
import type { TrainingSpec } from '../../src/coordinator/index.js';
import {
  defaultPreprocessing,
  type Pack,
  type PackManifest,
  type SampleReader,
} from '../../src/data/index.js';
import {
  buildModel,
  type Kernels,
  type Model,
  type Plan,
  referenceKernels,
  type Tally,
} from '../../src/engine/index.js';
import { type BlockComputer, createBlockComputer } from '../../src/worker/block-computer.js';
import { createInputs } from '../../src/worker/inputs.js';
import { standsFor } from './stand-in.js';

/** Samples of a full microshard: what the protocol asks for at least. */
const perMicroshard = 16;
const samplesPerBlock = 48;

/** What of a run fixes its bits; everything else of a schedule must not matter. */
export interface WorldChoice {
  microshards: number;
  stepsPerEpoch: number;
  epochs: number;
  validates: boolean;
  optimizer: 'sgd' | 'adam';
  seed: number;
  /** Steps that a gradient is late by. */
  delay: number;
  /** Updates that a gradient may miss in asynchronous training; null: steps have an order, and the run has bits of its own. */
  staleness: number | null;
  /** Some hundred parameters instead of six: enough for two ranges. */
  wide: boolean;
}

/** A run as small as it can be: six parameters, images of two bytes. Everything but the tensors' size is as it is. */
export interface World {
  spec: TrainingSpec;
  model: Model;
  pack: Pack;
  kernels: Kernels;
  /** Computes blocks from the samples that `reader` has. */
  computer(reader: SampleReader): BlockComputer;
}

/** Stands for the augmentation: a wrong epoch, or another sample, shows in the bits. */
const tint = (pixels: Uint8Array, indices: Uint32Array, epoch: number): void => {
  for (const [i, index] of indices.entries()) pixels[2 * i] ^= (index * 7 + epoch * 29) & 63;
};

export function createWorld(choice: WorldChoice): World {
  const { microshards, seed } = choice;
  const batch = microshards * perMicroshard;
  // The last step of an epoch is a short one.
  const trained = (choice.stepsPerEpoch - 1) * batch + Math.ceil(batch / 3);
  const sampleCount = choice.validates ? Math.ceil(trained / 0.7) : trained;
  const spec: TrainingSpec = {
    model: {
      name: 'small-world',
      input: [1, 1, 2],
      layers: [
        { type: 'flatten' },
        ...(choice.wide ? [{ type: 'linear', units: 64 } as const] : []),
        { type: 'linear', units: 2 },
        { type: 'softmax' },
      ],
    },
    preprocessing: { ...defaultPreprocessing, width: 2, height: 1 },
    optimizer: choice.optimizer === 'sgd' ? { type: 'sgd', momentum: 0.9 } : { type: 'adam' },
    schedule: { type: 'constant' },
    learningRate: 0.01,
    clipNorm: null,
    epochs: choice.epochs,
    batch,
    microshards,
    seed,
    validate: choice.validates ? { fraction: 0.3 } : null,
    trainFolders: ['a'],
    ...(choice.delay === 0 ? {} : { delay: choice.delay }),
    ...(choice.staleness === null
      ? {}
      : { mode: { type: 'async', staleness: choice.staleness, reproducible: false } }),
  };
  const model = buildModel(spec.model);
  return {
    spec,
    model,
    pack: createPack(sampleCount),
    kernels: referenceKernels,
    computer: (reader) => {
      const inputs = createInputs({ reader, augment: tint, sampleBytes: 2, capacity: perMicroshard });
      const compute = createBlockComputer({
        model,
        plan: createSmallPlan(model),
        kernels: referenceKernels,
        inputs,
        microshards,
        seed,
        localTraining: null,
        gradientEncoding: 'f32',
        gradientsKept: 0,
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
    preprocessing: { ...defaultPreprocessing, width: 2, height: 1 },
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
