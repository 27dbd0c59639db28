import type { SampleReader } from '../../src/data/index.js';
import {
  buildModel,
  createPlan,
  createRandom,
  initialParameters,
  type ModelSpec,
  parseModelSpec,
  permutation,
  resolveKernels,
} from '../../src/engine/index.js';
import type { GradientEncoding } from '../../src/protocol/index.js';
import { type BlockComputer, createBlockComputer } from '../../src/worker/block-computer.js';
import type { ComputeRequest } from '../../src/worker/compute-messages.js';
import { createInputs } from '../../src/worker/inputs.js';

/** A run small enough for a test: 8 microshards of 16 samples, dropout included, over random pixels in memory. */
export const microshards = 8;
export const perMicroshard = 16;
export const sampleCount = 200;
export const seed = 11;

export const { kernels } = resolveKernels('reference');

export const spec: ModelSpec = parseModelSpec({
  name: 'small',
  input: [1, 12, 12],
  layers: [
    { type: 'conv2d', filters: 4, kernel: 3 },
    { type: 'relu' },
    { type: 'maxpool2d', size: 2 },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.25 },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
});
export const model = buildModel(spec);
export const sampleBytes = 12 * 12;

const random = createRandom(2026);
export const pixels = Uint8Array.from({ length: sampleCount * sampleBytes }, () => random.below(256));
export const labels = Uint8Array.from({ length: sampleCount }, () => random.below(10));
export const order = permutation(sampleCount, random);

export const reader: SampleReader = {
  read(indices, pixelsOut, labelsOut) {
    for (const [i, index] of indices.entries()) {
      if (index >= sampleCount)
        throw new RangeError(`Sample ${index} is outside of 0 to ${sampleCount - 1}.`);
      pixelsOut.set(pixels.subarray(index * sampleBytes, (index + 1) * sampleBytes), i * sampleBytes);
      labelsOut[i] = labels[index] ?? 0;
    }
  },
};

export const newPlan = () =>
  createPlan(model, kernels, {
    capacity: perMicroshard,
    scaling: { channels: 1, mean: 0.2, std: 0.35 },
  });

export function sharedParameters(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(model.parameterCount * 4);
  new Float32Array(buffer).set(initialParameters(model, seed));
  return buffer;
}

export function newComputer(gradientEncoding: GradientEncoding = 'f32', gradientsKept = 0): BlockComputer {
  const plan = newPlan();
  return createBlockComputer({
    model,
    plan,
    kernels,
    inputs: createInputs({ reader, augment: null, sampleBytes, capacity: perMicroshard }),
    microshards,
    seed,
    localTraining: null,
    gradientEncoding,
    gradientsKept,
  });
}

/** The request for `node` in a step over the first `batch` samples of the order. */
export function request(node: number, batch: number, changes: Partial<ComputeRequest> = {}): ComputeRequest {
  const per = changes.perMicroshard ?? perMicroshard;
  const depth = 31 - Math.clz32(node);
  const count = microshards >>> depth;
  const first = (node - 2 ** depth) * count * per;
  const samples = order.slice(Math.min(first, batch), Math.min(first + count * per, batch));
  return {
    id: node,
    mode: 'train',
    fence: 1,
    step: 5,
    epoch: 0,
    node,
    samples,
    nextSamples: new Uint32Array(0),
    perMicroshard: per,
    parameters: sharedParameters(),
    ...changes,
  };
}
