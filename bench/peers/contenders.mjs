// Everything that can run a workload { model, mode, batch } here: each answers with the seconds that calls took.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildModel, createPlan, initialParameters, namedSpecs } from '../../dist/engine/index.js';
import { processorSeconds, time } from '../measure.mjs';
import { toOnnx } from './onnx.mjs';

/** One of our backends. */
export function ours(kernels) {
  const calls = new Map();
  function prepare({ name, mode, batch }) {
    const model = buildModel(namedSpecs.get(name));
    const parameters = initialParameters(model, 1);
    const gradient = new Float32Array(model.parameterCount);
    const plan = createPlan(model, kernels, {
      capacity: batch,
      scaling: { channels: 1, mean: 0.1, std: 0.3 },
    });
    const images = {
      pixels: Uint8Array.from(
        { length: batch * model.input.height * model.input.width },
        (_, i) => (i * 2654435761) >>> 24,
      ),
      labels: Uint8Array.from({ length: batch }, (_, i) => i % model.classes),
      count: batch,
    };
    const probabilities = new Float32Array(batch * model.classes);
    const key = { seed: 1, step: 0, microshard: 0 };
    const call =
      mode === 'train'
        ? () => plan.gradient(parameters, images, key, gradient)
        : () => plan.predict(parameters, images.pixels, batch, probabilities);
    call();
    return call;
  }
  return {
    name: kernels.name,
    runs: () => true,
    async seconds(workload, count) {
      const key = JSON.stringify(workload);
      if (!calls.has(key)) calls.set(key, prepare(workload));
      return time(calls.get(key), count);
    },
    close() {},
  };
}

/** PyTorch in a child process, in one memory layout; null where python3 has none. */
export async function torch(layout) {
  for (const python of ['python3', '/usr/bin/python3']) {
    // Set in some environments, they make its matrix products slower.
    const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
    const child = spawn(python, [fileURLToPath(new URL('./torch_engine.py', import.meta.url))], {
      env: { ...env, OMP_NUM_THREADS: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) continue;
    return {
      name: `PyTorch ${JSON.parse(first.value).version.replace(/a0$/, '')} ${layout}`,
      runs: () => true,
      async seconds({ name, mode, batch }, count) {
        child.stdin.write(`${name} ${mode} ${batch} ${layout} ${count}\n`);
        return JSON.parse((await lines.next()).value).processor;
      },
      close: () => child.stdin.end(),
    };
  }
  return null;
}

/** onnxruntime-node, where it is installed: here, or in the folder that ONKO_BENCH_MODULES names. Inference only. */
export async function onnxruntime() {
  let ort;
  try {
    const from = process.env.ONKO_BENCH_MODULES ?? fileURLToPath(new URL('../..', import.meta.url));
    const require = createRequire(join(from, 'x.js'));
    ort = require('onnxruntime-node');
  } catch {
    return null;
  }
  const sessions = new Map();
  async function prepare({ name, batch }) {
    const model = buildModel(namedSpecs.get(name));
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' };
    const session = await ort.InferenceSession.create(toOnnx(model, batch), options);
    const { channels, height, width } = model.input;
    const pixels = new Float32Array(batch * channels * height * width).fill(0.5);
    return { session, input: new ort.Tensor('float32', pixels, [batch, channels, height, width]) };
  }
  return {
    name: 'onnxruntime-node',
    runs: ({ mode }) => mode === 'infer',
    async seconds(workload, count) {
      const key = JSON.stringify(workload);
      if (!sessions.has(key)) sessions.set(key, await prepare(workload));
      const { session, input } = sessions.get(key);
      const out = [];
      for (let i = 0; i < count; i++) {
        const start = processorSeconds();
        await session.run({ input });
        out.push(processorSeconds() - start);
      }
      return out;
    },
    close() {},
  };
}
