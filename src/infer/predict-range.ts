import { type Augmentation, createAugmenter, type Preprocessing } from '../data/index.js';
import {
  buildModel,
  createPlan,
  type InputScaling,
  type Kernels,
  LANES,
  type ModelSpec,
  type Plan,
  resolveKernels,
} from '../engine/index.js';

/** Samples handed to one call of the plan, and taken at once by a thread. */
export const chunkSamples = 16 * LANES;

/** What is computed with. */
export interface Computing {
  spec: ModelSpec;
  preprocessing: Preprocessing;
  kernels: string;
  /** Of each image, beside itself; the probabilities are the mean of all. */
  views: readonly Augmentation[];
}

/** All that a thread needs. The arrays lie in shared memory: nothing is copied to a thread, and nothing back. */
export interface PredictionShare extends Computing {
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
  const { classes, predict } = openPredictor(share, chunkSamples);
  const sampleBytes = share.count === 0 ? 0 : share.pixels.length / share.count;
  for (;;) {
    const first = Atomics.add(share.next, 0, chunkSamples);
    if (first >= share.count) return;
    const count = Math.min(chunkSamples, share.count - first);
    predict(
      share.parameters,
      share.pixels.subarray(first * sampleBytes, (first + count) * sampleBytes),
      count,
      share.probabilities.subarray(first * classes, (first + count) * classes),
    );
    onChunk?.(count);
  }
}

type Predict = (
  parameters: Float32Array,
  pixels: Uint8Array,
  count: number,
  probabilities: Float32Array,
) => void;

/** A plan, and what makes the views, with buffers for up to `capacity` samples; for one thread. */
export function openPredictor(
  { spec, preprocessing, kernels: name, views }: Computing,
  capacity: number,
): { classes: number; predict: Predict } {
  const model = buildModel(spec);
  const { kernels } = resolveKernels(name);
  const { mean, std, color } = preprocessing;
  const scaling: InputScaling = { channels: color === 'grey' ? 1 : 3, mean, std };
  const plan = createPlan(model, kernels, { capacity, scaling });
  const { classes } = model;
  const alone: Predict = (...given) => plan.predict(...given);
  return {
    classes,
    predict: views.length === 0 ? alone : averaging(plan, kernels, { classes, preprocessing, views }),
  };
}

/** Probabilities as the mean of those of an image and its views: all of them sums in one order. */
function averaging(
  plan: Plan,
  kernels: Kernels,
  { classes, preprocessing, views }: { classes: number } & Pick<Computing, 'preprocessing' | 'views'>,
): Predict {
  const { capacity } = plan;
  const augmenters = views.map((augmentation) =>
    createAugmenter({ augmentation, preprocessing, seed: 0, kernels, capacity }),
  );
  // A view does the same to every image, whichever it is.
  const indices = new Uint32Array(capacity);
  const ofView = new Float32Array(capacity * classes);
  return (parameters, pixels, count, out) => {
    plan.predict(parameters, pixels, count, out);
    const sums = Float64Array.from(out.subarray(0, count * classes));
    for (const augment of augmenters) {
      const seen = Uint8Array.from(pixels);
      augment(seen, indices.subarray(0, count), 0);
      plan.predict(parameters, seen, count, ofView);
      for (let i = 0; i < sums.length; i++) sums[i] += ofView[i];
    }
    for (let i = 0; i < sums.length; i++) out[i] = sums[i] / (augmenters.length + 1);
  };
}
