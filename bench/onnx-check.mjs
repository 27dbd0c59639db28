// A trained model against itself in onnxruntime: exports it, classifies a whole folder with both, and says where they differ.
//   npm run build && node bench/onnx-check.mjs DATA --model runs/mine/model.safetensors [--folder training-d] [--threads 2]
// onnxruntime-node: installed beside Onko, or in the folder that ONKO_BENCH_MODULES names.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadFolder } from '../dist/data/index.js';
import { toOnnx } from '../dist/exchange/index.js';
import { classify } from '../dist/infer/index.js';
import { readModelFile } from '../dist/store/index.js';
import { buildModel, resolveKernels } from './onko.mjs';
import { packages, version } from './peers/packages.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string' },
    folder: { type: 'string', default: 'training-d' },
    threads: { type: 'string', default: '2' },
  },
});
if (positionals.length !== 1 || values.model === undefined) {
  throw new Error('usage: node bench/onnx-check.mjs DATA --model MODEL [--folder training-d]');
}
const found = packages('onnxruntime-node');
if (found === null) {
  throw new Error(
    'There is no onnxruntime-node: install it in a folder, and name that in ONKO_BENCH_MODULES.',
  );
}
const [ort] = found;
const threads = Number(values.threads);

const file = await readModelFile(values.model);
const { preprocessing } = file;
const { input, classes } = buildModel(file.spec);
const { kernels } = resolveKernels();
const { names, pixels } = await loadFolder({
  folder: join(resolve(positionals[0]), values.folder),
  labelled: false,
  preprocessing,
  threads,
});
const count = names.length;
const ours = await classify(file, pixels, count, { kernels, threads });

const session = await ort.InferenceSession.create(toOnnx(file, 'check'), { intraOpNumThreads: threads });

/** float[n][channels][height][width], as the file's metadata says */
function scaled(first, n) {
  const area = input.height * input.width;
  const given = pixels.length / count / area;
  const out = new Float32Array(n * input.channels * area);
  for (let i = 0; i < out.length; i++) {
    const [sample, channel] = [Math.floor(i / area / input.channels), Math.floor(i / area) % input.channels];
    const byte = pixels[((first + sample) * given + (channel % given)) * area + (i % area)];
    out[i] = (byte / 255 - preprocessing.mean) / preprocessing.std;
  }
  return out;
}

const largest = (row) => row.indexOf(Math.max(...row));

/** Logits less the logarithm of the sum of their powers: the logarithms of the probabilities. */
function logProbabilities(logits) {
  const most = Math.max(...logits);
  const sum = most + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - most), 0));
  return Array.from(logits, (logit) => logit - sum);
}

let [others, inLogit, inProbability, vanished] = [0, 0, 0, 0];
const batch = 250;
for (let first = 0; first < count; first += batch) {
  const n = Math.min(batch, count - first);
  const shape = [n, input.channels, input.height, input.width];
  const theirs = await session.run({ input: new ort.Tensor('float32', scaled(first, n), shape) });
  for (let i = 0; i < n; i++) {
    const mine = ours.subarray((first + i) * classes, (first + i + 1) * classes);
    const row = (output) => theirs[output].data.subarray(i * classes, (i + 1) * classes);
    if (largest(mine) !== largest(row('probabilities'))) others++;
    const logs = logProbabilities(row('logits'));
    for (let c = 0; c < classes; c++) {
      inProbability = Math.max(inProbability, Math.abs(mine[c] - row('probabilities')[c]));
      // The engine gives probabilities; below what float32 holds with all its digits their logarithms say nothing.
      if (mine[c] < 1e-37) vanished++;
      else inLogit = Math.max(inLogit, Math.abs(Math.log(mine[c]) - logs[c]));
    }
  }
}
console.log(
  `${file.spec.name}, ${count} images of ${values.folder}: ${kernels.name} kernels and onnxruntime-node ${version('onnxruntime-node')}`,
);
console.log(`other classes                       ${others}`);
console.log(
  `largest difference in a logit       ${inLogit.toExponential(1)} (less what all classes share; ${vanished} of ${count * classes} too improbable to compare)`,
);
console.log(`largest difference in a probability ${inProbability.toExponential(1)}`);
if (others > 0 || inLogit > 1e-4) process.exitCode = 1;
