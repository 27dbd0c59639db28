import { defaultPreprocessing } from '../../src/data/index.js';
import {
  buildModel,
  createPlan,
  createRandom,
  initialParameters,
  type ModelSpec,
  referenceKernels,
} from '../../src/engine/index.js';
import type { ModelFile } from '../../src/store/index.js';

/** Every layer there is, and what only ONNX tells apart: vectors and planes of one pixel, where each takes the other. */
export const everyLayer: ModelSpec = {
  name: 'every-layer',
  input: [3, 12, 12],
  layers: [
    { type: 'conv2d', filters: 4, kernel: 3, padding: 1 },
    { type: 'batchnorm2d', epsilon: 0.001 },
    { type: 'relu', name: 'early' },
    { type: 'depthwise_conv2d', kernel: 3, padding: 1 },
    { type: 'leaky_relu', slope: 0.2 },
    { type: 'add', from: 'early' },
    { type: 'maxpool2d', size: 3, stride: 2 },
    { type: 'conv2d', filters: 6, kernel: 2, stride: 2 },
    { type: 'sigmoid' },
    { type: 'avgpool2d', size: 2, stride: 1 },
    { type: 'global_avgpool2d', name: 'pooled' },
    { type: 'flatten' },
    { type: 'add', from: 'pooled' },
    { type: 'conv2d', filters: 7, kernel: 1 },
    { type: 'linear', units: 8 },
    { type: 'batchnorm2d' },
    { type: 'tanh' },
    { type: 'dropout', rate: 0.5 },
    { type: 'linear', units: 5 },
    { type: 'dropout', rate: 0.1 },
    { type: 'softmax' },
  ],
};

/** A model as if trained: nothing in it is zero or one any more. */
export function sampleModel(spec: ModelSpec, seed: number, color: 'grey' | 'rgb'): ModelFile {
  const model = buildModel(spec);
  const random = createRandom(seed);
  const parameters = initialParameters(model, seed);
  for (const { role, offset, length, start } of model.parameters) {
    // Weights are drawn already, and with more on top of them a large net would be sure of everything.
    if (role === 'weight' && start === undefined) continue;
    for (let i = offset; i < offset + length; i++) {
      parameters[i] = role === 'running_var' ? 0.5 + random.float() : parameters[i] + 0.1 * random.normal();
    }
  }
  const [, height, width] = spec.input;
  return {
    spec: model.spec,
    preprocessing: { ...defaultPreprocessing, color, height, width },
    classes: Array.from({ length: model.classes }, (_, c) => String(c)),
    provenance: { origin: `drawn with seed ${seed}` },
    parameters,
  };
}

/** Random images as the model is given them, and what the engine's reference kernels make of them. */
export function answers(
  file: ModelFile,
  seed: number,
): { pixels: Uint8Array; scaled: Float32Array; logProbabilities: number[][] } {
  const count = 5;
  const model = buildModel(file.spec);
  const { preprocessing } = file;
  const channels = preprocessing.color === 'grey' ? 1 : 3;
  const area = preprocessing.height * preprocessing.width;
  const random = createRandom(seed, 1);
  const pixels = Uint8Array.from({ length: count * channels * area }, () => random.below(256));
  const scaled = Float32Array.from({ length: count * model.input.channels * area }, (_, i) => {
    const plane = Math.floor(i / area);
    const given = channels === 1 ? Math.floor(plane / model.input.channels) : plane;
    return ((pixels[given * area + (i % area)] ?? 0) / 255 - preprocessing.mean) / preprocessing.std;
  });
  const probabilities = new Float32Array(count * model.classes);
  const scaling = { channels, mean: preprocessing.mean, std: preprocessing.std } as const;
  createPlan(model, referenceKernels, { capacity: 16, scaling }).predict(
    file.parameters,
    pixels,
    count,
    probabilities,
  );
  const logProbabilities = Array.from({ length: count }, (_, i) =>
    Array.from(probabilities.subarray(i * model.classes, (i + 1) * model.classes), Math.log),
  );
  return { pixels, scaled, logProbabilities };
}

/** The largest difference between logits, less what all classes of an image share, and logarithms of probabilities. */
export function logitDifference(
  logits: readonly (readonly number[])[],
  logProbabilities: readonly (readonly number[])[],
): number {
  if (logits.length !== logProbabilities.length)
    throw new RangeError(`Found ${logits.length} rows of logits.`);
  const differences = logits.flatMap((row, i) => {
    const most = Math.max(...row);
    const shared = most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    return row.map((logit, c) => Math.abs(logit - shared - (logProbabilities[i]?.[c] ?? Number.NaN)));
  });
  return Math.max(...differences);
}
