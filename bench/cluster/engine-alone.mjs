// The engine with nothing around it: gradients of one batch after the other, on one thread. A process of its own, so that it starts as
// the others do; arguments as JSON: model, batch, seconds, and the images (images.mjs). Prints images per second of the clock.
import { buildModel, createPlan, initialParameters, namedSpecs, resolveKernels } from '../onko.mjs';
import { readImages } from './images.mjs';

const given = JSON.parse(process.argv[2]);
const { kernels } = resolveKernels();
const model = buildModel(namedSpecs.get(given.model));
const plan = createPlan(model, kernels, {
  capacity: given.batch,
  scaling: { channels: 1, mean: given.mean, std: given.std },
});
const { labels, pixels } = readImages(given);
const sampleBytes = pixels.length / labels.length;
const batches = Math.floor(labels.length / given.batch);
const parameters = initialParameters(model, 1);
const gradient = new Float32Array(model.parameterCount);
let step = 0;

function run(seconds) {
  const startMs = performance.now();
  let images = 0;
  while (performance.now() - startMs < 1000 * seconds) {
    const first = (step % batches) * given.batch;
    const batch = {
      pixels: pixels.subarray(first * sampleBytes, (first + given.batch) * sampleBytes),
      labels: labels.subarray(first, first + given.batch),
      count: given.batch,
    };
    plan.gradient(parameters, batch, { seed: 1, step, microshard: 0 }, gradient);
    step += 1;
    images += given.batch;
  }
  return (1000 * images) / (performance.now() - startMs);
}

run(0.5);
process.stdout.write(JSON.stringify({ imagesPerSecond: run(given.seconds) }));
