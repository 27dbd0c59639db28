import {
  buildModel,
  createPlan,
  type InputScaling,
  LANES,
  type ModelSpec,
  resolveKernels,
} from '../engine/index.js';

/** Samples handed to one call of the plan, and taken at once by a thread. */
export const chunkSamples = 16 * LANES;

/** All that a thread needs. The arrays lie in shared memory: nothing is copied to a thread, and nothing back. */
export interface PredictionShare {
  spec: ModelSpec;
  scaling: InputScaling;
  kernels: string;
  parameters: Float32Array;
  /** [count][channels][height][width] */
  pixels: Uint8Array;
  count: number;
  /** Written: [count][classes] */
  probabilities: Float32Array;
  /** One number: the next sample that nobody has taken. */
  next: Int32Array;
}

/** Takes chunks of samples until none is left. Every image is computed by itself, so who takes which changes no bit. */
export function predictRange(share: PredictionShare, onChunk?: (samples: number) => void): void {
  const model = buildModel(share.spec);
  const { kernels } = resolveKernels(share.kernels);
  const plan = createPlan(model, kernels, { capacity: chunkSamples, scaling: share.scaling });
  const sampleBytes = share.count === 0 ? 0 : share.pixels.length / share.count;
  for (;;) {
    const first = Atomics.add(share.next, 0, chunkSamples);
    if (first >= share.count) return;
    const count = Math.min(chunkSamples, share.count - first);
    plan.predict(
      share.parameters,
      share.pixels.subarray(first * sampleBytes, (first + count) * sampleBytes),
      count,
      share.probabilities.subarray(first * model.classes, (first + count) * model.classes),
    );
    onChunk?.(count);
  }
}
