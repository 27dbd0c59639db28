// By how many bytes does this process grow while a plan takes steps?  node --expose-gc steps-in-a-row.mjs KERNELS STEPS
import { buildModel, createPlan, initialParameters, resolveKernels } from '../../dist/engine/index.js';

const [kernelsName, steps] = process.argv.slice(2);
const { kernels } = resolveKernels(kernelsName);
const model = buildModel({
  name: 'tiny',
  // On grey bytes: the first convolution adds up its weights in each step.
  input: [3, 8, 8],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3 },
    { type: 'relu' },
    { type: 'maxpool2d', size: 2 },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.2 },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
});
const parameters = initialParameters(model, 1);
const gradient = new Float32Array(model.parameterCount);
const plan = createPlan(model, kernels, { capacity: 16, scaling: { channels: 1, mean: 0.2, std: 0.4 } });
const batch = {
  pixels: Uint8Array.from({ length: 16 * 64 }, (_, i) => (i * 37) % 256),
  labels: Uint8Array.from({ length: 16 }, (_, i) => i % 10),
  count: 16,
};

function take(count) {
  for (let step = 0; step < count; step++) {
    plan.gradient(parameters, batch, { seed: 1, step, microshard: 0 }, gradient);
  }
}

async function weigh() {
  // Buffers are given back on another thread, after the collection that found them.
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage();
}

// Long enough that the compiler has done its work.
take(1000);
const before = await weigh();
take(Number(steps));
const after = await weigh();
console.log(
  JSON.stringify({
    heapUsed: after.heapUsed - before.heapUsed,
    external: after.external - before.external,
    arrayBuffers: after.arrayBuffers - before.arrayBuffers,
  }),
);
