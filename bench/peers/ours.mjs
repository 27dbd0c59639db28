// Onko's own backends as contenders.

import { time } from '../measure.mjs';
import { buildModel, createPlan, initialParameters, LANES, namedSpecs } from '../onko.mjs';

/** A plan of one of our backends for a model by name, and a batch of bytes for it, of one channel or of the model's own. */
export function planOf(kernels, name, count, { colour = false } = {}) {
  const model = buildModel(namedSpecs.get(name));
  const { channels, height, width } = model.input;
  const scaling = { channels: colour ? channels : 1, mean: 0.1, std: 0.3 };
  const plan = createPlan(model, kernels, { capacity: Math.ceil(count / LANES) * LANES, scaling });
  const length = count * scaling.channels * height * width;
  const batch = {
    pixels: Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24),
    labels: Uint8Array.from({ length: count }, (_, i) => i % model.classes),
    count,
  };
  const parameters = initialParameters(model, 1);
  const gradient = new Float32Array(model.parameterCount);
  const probabilities = new Float32Array(count * model.classes);
  const key = { seed: 1, step: 0, microshard: 0 };
  return {
    model,
    plan,
    train: () => plan.gradient(parameters, batch, key, gradient),
    infer: () => plan.predict(parameters, batch.pixels, count, probabilities),
  };
}

const takesColour = (name) => namedSpecs.get(name).input[0] > 1;

/**
 * One of our backends. The plain one gets sixteen images at most: it takes as long for each, and is slow.
 *
 * @param colour bytes of as many channels as the model takes, where that is more than one; else grey ones, whose one channel
 *   the first convolution then computes once
 */
export function ours(kernels, { colour = false } = {}) {
  const calls = new Map();
  const most = kernels.name === 'reference' ? LANES : Number.POSITIVE_INFINITY;
  return {
    name: colour ? `${kernels.name}, colour` : kernels.name,
    family: 'Onko',
    most: (name) => (colour && !takesColour(name) ? 0 : most),
    async seconds(work, count) {
      const key = JSON.stringify(work);
      if (!calls.has(key)) {
        calls.set(key, planOf(kernels, work.name, work.images, { colour })[work.mode]);
        calls.get(key)();
      }
      return time(calls.get(key), count);
    },
    close() {},
  };
}
