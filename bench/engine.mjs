// Images per second of one thread, for training (loss and gradient) and inference, per named model and backend.
//   npm run build && node bench/engine.mjs [--models lenet,vgg-small] [--kernels reference] [--seconds 3]
import { parseArgs } from 'node:util';
import {
  buildModel,
  createPlan,
  initialParameters,
  namedSpecs,
  resolveKernels,
} from '../dist/engine/index.js';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: [...namedSpecs.keys()].join(',') },
    kernels: { type: 'string' },
    seconds: { type: 'string', default: '3' },
  },
});
const seconds = Number(values.seconds);
const { kernels } = resolveKernels(values.kernels);
const capacity = 64;

console.log(
  `kernels ${kernels.name} (${kernels.numericsId}), Node ${process.version}, one thread, batches of ${capacity}`,
);
for (const name of values.models.split(',')) {
  const spec = namedSpecs.get(name);
  if (spec === undefined) throw new Error(`no model named ${name}`);
  const model = buildModel(spec);
  const parameters = initialParameters(model, 1);
  const gradient = new Float32Array(model.parameterCount);
  const plan = createPlan(model, kernels, { capacity, scaling: { channels: 1, mean: 0.1, std: 0.3 } });
  const sampleBytes = model.input.height * model.input.width;
  const batch = {
    pixels: Uint8Array.from({ length: capacity * sampleBytes }, (_, i) => (i * 2654435761) >>> 24),
    labels: Uint8Array.from({ length: capacity }, (_, i) => i % model.classes),
    count: capacity,
  };
  const probabilities = new Float32Array(capacity * model.classes);
  const train = measure(() =>
    plan.gradient(parameters, batch, { seed: 1, step: 0, microshard: 0 }, gradient),
  );
  const infer = measure(() => plan.predict(parameters, batch.pixels, capacity, probabilities));
  console.log(`${name.padEnd(12)} train ${show(train)}   infer ${show(infer)} images/s`);
}

/** Best and median rate over `seconds`, after a second of warming up. */
function measure(call) {
  for (const end = performance.now() + 1000; performance.now() < end; ) call();
  const rates = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const start = performance.now();
    call();
    rates.push((capacity * 1000) / (performance.now() - start));
  }
  rates.sort((a, b) => a - b);
  return { median: rates[rates.length >> 1], best: rates[rates.length - 1] };
}

function show({ median, best }) {
  return `${median.toFixed(0).padStart(6)} (best ${best.toFixed(0)})`;
}
