// Contenders that are packages of npm, where somebody installed them.

import { defaultPreprocessing } from '../../dist/data/index.js';
import { toOnnx } from '../../dist/exchange/index.js';
import { processorSeconds, time } from '../measure.mjs';
import { buildModel, initialParameters, namedSpecs } from '../onko.mjs';
import { packages, version } from './packages.mjs';
import { inference, training } from './tensorflow.mjs';

/** What `onko export --onnx` writes of an untrained model. */
function exported(model) {
  const { height, width } = model.input;
  const preprocessing = { ...defaultPreprocessing, height, width };
  const classes = Array.from({ length: model.classes }, (_, i) => String(i));
  const parameters = initialParameters(model, 1);
  return toOnnx({ spec: model.spec, preprocessing, classes, provenance: {}, parameters }, '0');
}

/** onnxruntime-node on one thread. Inference only. */
export function onnxruntime() {
  const found = packages('onnxruntime-node');
  if (found === null) return [];
  const [ort] = found;
  const sessions = new Map();
  async function prepare({ name, images }) {
    const model = buildModel(namedSpecs.get(name));
    const options = {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // The exported graph leaves the batch open; with its size told, onnxruntime may plan for it.
      freeDimensionOverrides: { N: images },
    };
    const session = await ort.InferenceSession.create(exported(model), options);
    const { channels, height, width } = model.input;
    const pixels = new Float32Array(images * channels * height * width).fill(0.5);
    const input = new ort.Tensor('float32', pixels, [images, channels, height, width]);
    for (let i = 0; i < 3; i++) await session.run({ input });
    return { session, input };
  }
  return [
    {
      name: `onnxruntime-node ${version('onnxruntime-node')}`,
      family: 'onnxruntime-node',
      most: (_, mode) => (mode === 'infer' ? Number.POSITIVE_INFINITY : 0),
      async seconds(work, count) {
        const key = JSON.stringify(work);
        if (!sessions.has(key)) sessions.set(key, await prepare(work));
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
    },
  ];
}

/** Images per call at most: plain JavaScript is slow, and no faster with more. WebAssembly has kernels for inference only. */
const tensorflowImages = {
  wasm: (_, mode) => (mode === 'infer' ? Number.POSITIVE_INFINITY : 0),
  cpu: (name, mode) => (!name.startsWith('lenet') ? 1 : mode === 'train' ? 2 : 16),
};

/** What brings the backend: in Node only the package of everything knows gradients. */
const tensorflowPackages = { wasm: '@tensorflow/tfjs-backend-wasm', cpu: '@tensorflow/tfjs' };

/** TensorFlow.js on one thread, each backend whose package is there. */
export async function tensorflow() {
  const contenders = [];
  for (const [backend, most] of Object.entries(tensorflowImages)) {
    const found = packages('@tensorflow/tfjs-core', tensorflowPackages[backend]);
    if (found === null) continue;
    const [tf, { setThreadsCount }] = found;
    setThreadsCount?.(1);
    // It says at the start that a faster package exists, and that WebAssembly has one thread here: as intended.
    tf.env().set('PROD', true);
    if (!(await tf.setBackend(backend))) continue;
    const calls = new Map();
    contenders.push({
      name: `TensorFlow.js ${version('@tensorflow/tfjs-core')} ${backend}`,
      family: 'TensorFlow.js',
      most,
      async seconds(work, count) {
        const key = JSON.stringify(work);
        await tf.setBackend(backend);
        if (!calls.has(key)) {
          const model = buildModel(namedSpecs.get(work.name));
          const prepare = work.mode === 'train' ? training : inference;
          const call = prepare(tf, model, work.images);
          const warming = backend === 'wasm' ? 3 : 1;
          for (let i = 0; i < warming; i++) call();
          calls.set(key, call);
        }
        return time(calls.get(key), count);
      },
      close() {},
    });
  }
  return contenders;
}
