// What augmentation costs, of one thread's processor time, and which share of a training step that is.
//   npm run build && node bench/augment.mjs [--rounds 9]
// The step and the augmentation take turns; each figure is the median of the rounds.
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createDraw } from '../dist/data/augment/draw.js';
import {
  augmentationPresets,
  createAugmenter,
  defaultPreprocessing,
  parseAugmentation,
} from '../dist/data/index.js';
import {
  augmentationRowLength,
  availableKernels,
  buildModel,
  createPlan,
  initialParameters,
  namedSpecs,
  resolveKernels,
} from '../dist/engine/index.js';
import { median, processorSeconds, table } from './measure.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
const count = 64;
const turnSeconds = 0.1;
const pixels = Uint8Array.from({ length: count * 1024 }, (_, i) => (i * 2_654_435_761) >>> 24);
const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
const indices = Uint32Array.from({ length: count }, (_, i) => i * 7);
const none = parseAugmentation({});
const everything = parseAugmentation({ preset: 'strong', invert: 0.1 });
const kinds = new Map(augmentationPresets).set('everything', everything);

/** How to do it once to `count` images. */
const contenders = new Map();
const backends = [
  resolveKernels().kernels,
  availableKernels.get('wasm-plain'),
  availableKernels.get('reference'),
];
const used = [...new Set(backends.filter((kernels) => kernels !== undefined))];
for (const [preset, augmentation] of kinds) {
  for (const kernels of used) {
    const options = { augmentation, preprocessing: defaultPreprocessing, seed: 1, kernels, capacity: count };
    const augment = createAugmenter(options);
    const images = kernels.copies ? pixels.slice() : pixels;
    let epoch = 0;
    contenders.set(`${preset} ${kernels.name}`, () => augment(images, indices, epoch++));
  }
}
for (const [name, augmentation] of new Map([['none', none]]).set('everything', everything)) {
  const draw = createDraw(augmentation, { height: 32, width: 32 }, 1);
  const row = new Int32Array(augmentationRowLength);
  contenders.set(`draw ${name}`, () => {
    for (const index of indices) draw(row, 0, index);
  });
}
const models = ['lenet', 'vgg-small', 'onko-net'].filter((name) => namedSpecs.has(name));
for (const name of models) {
  const model = buildModel(namedSpecs.get(name));
  const plan = createPlan(model, used[0], {
    capacity: count,
    scaling: { channels: 1, mean: 0.2, std: 0.32 },
  });
  const parameters = initialParameters(model, 1);
  const gradient = new Float32Array(model.parameterCount);
  const batch = { pixels, labels, count };
  const key = { seed: 1, step: 0, microshard: 0 };
  contenders.set(`step ${name}`, () => plan.gradient(parameters, batch, key, gradient));
}

/** Microseconds per image, a list for each contender. */
const found = new Map([...contenders.keys()].map((name) => [name, []]));
for (let round = 0; round < rounds + 1; round++) {
  for (const [name, work] of contenders) {
    let calls = 0;
    const start = processorSeconds();
    let spent = 0;
    while (spent < turnSeconds) {
      for (let i = 0; i < 4; i++) work();
      calls += 4;
      spent = processorSeconds() - start;
    }
    // The first round warms up.
    if (round > 0) found.get(name).push((spent / calls / count) * 1e6);
  }
}
const cost = (name) => median(found.get(name));
console.log(
  `${cpus()[0].model.trim()}, Node ${process.version}, one thread, load ${loadavg()[0].toFixed(1)}`,
);
console.log(
  `Microseconds per image of 32×32, drawing included; and the share of a training step with ${used[0].name}:\n`,
);
console.log(
  table([
    ['', ...used.map(({ name }) => name), ...models.map((name) => `of ${name}`)],
    ...[...kinds.keys()].map((preset) => {
      const own = cost(`${preset} ${used[0].name}`);
      return [
        preset,
        ...used.map(({ name }) => cost(`${preset} ${name}`).toFixed(2)),
        ...models.map((name) => `${((100 * own) / cost(`step ${name}`)).toFixed(1)} %`),
      ];
    }),
  ]),
);
console.log(
  `\nDrawing alone: ${cost('draw none').toFixed(2)} without elastic, ${cost('draw everything').toFixed(2)} with.`,
);
console.log(`A step: ${models.map((name) => `${name} ${cost(`step ${name}`).toFixed(1)}`).join(', ')}.`);
