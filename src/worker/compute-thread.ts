import { parentPort, workerData } from 'node:worker_threads';
import {
  BlockMissingError,
  BlockStore,
  channelsOf,
  createAugmenter,
  parseAugmentation,
  parseManifest,
} from '../data/index.js';
import {
  buildModel,
  createLocalTraining,
  createPlan,
  lossTargets,
  parseLocalTraining,
  parseModelSpec,
  resolveKernels,
} from '../engine/index.js';
import { createBlockComputer } from './block-computer.js';
import { createSharedReader } from './blocks.js';
import type { FromThread, ThreadRecipe, ToThread } from './compute-messages.js';
import { createGradientSource } from './gradient-buffers.js';
import { createInputs } from './inputs.js';

/** Entry of a compute thread: one plan for one run, one block at a time, until it is terminated. */
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread.');

const given: { recipe: ThreadRecipe; abandoned: Int32Array } = workerData;
const { recipe, abandoned } = given;
const manifest = parseManifest(JSON.parse(recipe.manifestJson));
const { kernels } = resolveKernels(recipe.kernels);
if (kernels.numericsId !== recipe.numericsId)
  throw new Error(`Expected kernels of numerics ${recipe.numericsId}, got ${kernels.numericsId}.`);
const model = buildModel(parseModelSpec(JSON.parse(recipe.modelSpecJson)));
const { mean, std } = manifest.preprocessing;
const scaling = { channels: channelsOf(manifest.preprocessing), mean, std };
const localTraining =
  recipe.localTrainingJson === ''
    ? null
    : createLocalTraining(model, parseLocalTraining(JSON.parse(recipe.localTrainingJson)), kernels);
const capacity = recipe.microshardSamples / (localTraining?.steps ?? 1);
const { microshards, seed } = recipe;
const targets = recipe.lossJson === '' ? null : lossTargets(model.classes, JSON.parse(recipe.lossJson));
const plan = createPlan(model, kernels, { capacity, scaling, targets });
const augmentation =
  recipe.augmentationJson === '' ? null : parseAugmentation(JSON.parse(recipe.augmentationJson));
const { preprocessing } = manifest;
const augment =
  augmentation === null ? null : createAugmenter({ augmentation, preprocessing, seed, kernels, capacity });
const store = await BlockStore.open({ folder: recipe.blockFolder });
const { sampleBytes } = manifest;
const shared = new Map<string, Uint8Array<SharedArrayBuffer>>();
const reader = createSharedReader(manifest, shared, store.reader(manifest));
const inputs = createInputs({ reader, augment, sampleBytes, capacity });
const gradientFor = createGradientSource(model.parameterCount, recipe);
const compute = createBlockComputer({
  model,
  plan,
  kernels,
  inputs,
  microshards,
  seed,
  gradientFor,
  localTraining,
  gradientEncoding: recipe.gradientEncoding,
  gradientsKept: recipe.gradientsKept,
});

const answer = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

function onCompute({ request }: Extract<ToThread, { type: 'compute' }>): void {
  const { id } = request;
  const startedMs = performance.now();
  try {
    const sums = compute(request, () => Atomics.load(abandoned, 0) === id);
    if (sums === null) answer({ type: 'abandoned', id });
    else {
      const computeMs = performance.now() - startedMs;
      const { confusion, encoded } = sums;
      const transferred = encoded === null ? [confusion.buffer] : [confusion.buffer, encoded.bytes.buffer];
      answer({ type: 'computed', id, sums, computeMs }, transferred);
    }
  } catch (error) {
    if (error instanceof BlockMissingError) answer({ type: 'block_missing', id, block: error.block });
    else answer({ type: 'failed', id, reason: error instanceof Error ? error.message : String(error) });
  }
  // The answer is on its way: nobody waits for this, as long as the next weights are not there.
  const { mode, nextSamples: samples, epoch } = request;
  if (mode === 'train') inputs.prepare({ samples, epoch });
}

port.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'compute':
      onCompute(message);
      break;
    case 'block':
      shared.set(message.hash, message.bytes);
      break;
    default:
      throw new TypeError(`Not a message for a compute thread: ${JSON.stringify(message satisfies never)}`);
  }
});
answer({ type: 'open' });
