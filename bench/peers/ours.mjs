// Onko's own backends as contenders.
import { buildModel, createPlan, initialParameters, LANES, namedSpecs } from '../../dist/engine/index.js';
import { time } from '../measure.mjs';

const scaling = { channels: 1, mean: 0.1, std: 0.3 };

/** A plan of one of our backends for a model by name. */
export function planOf(kernels, name, capacity) {
  const model = buildModel(namedSpecs.get(name));
  return { model, plan: createPlan(model, kernels, { capacity, scaling }) };
}

function prepare(kernels, { name, mode, images: count }) {
  const { model, plan } = planOf(kernels, name, Math.ceil(count / LANES) * LANES);
  const parameters = initialParameters(model, 1);
  const gradient = new Float32Array(model.parameterCount);
  const images = {
    pixels: Uint8Array.from(
      { length: count * model.input.height * model.input.width },
      (_, i) => (i * 2654435761) >>> 24,
    ),
    labels: Uint8Array.from({ length: count }, (_, i) => i % model.classes),
    count,
  };
  const probabilities = new Float32Array(count * model.classes);
  const key = { seed: 1, step: 0, microshard: 0 };
  const call =
    mode === 'train'
      ? () => plan.gradient(parameters, images, key, gradient)
      : () => plan.predict(parameters, images.pixels, count, probabilities);
  call();
  return call;
}

/** One of our backends. The plain one gets sixteen images at most: it takes as long for each, and is slow. */
export function ours(kernels) {
  const calls = new Map();
  return {
    name: kernels.name,
    family: 'Onko',
    most: () => (kernels.name === 'reference' ? LANES : Number.POSITIVE_INFINITY),
    async seconds(work, count) {
      const key = JSON.stringify(work);
      if (!calls.has(key)) calls.set(key, prepare(kernels, work));
      return time(calls.get(key), count);
    },
    close() {},
  };
}
