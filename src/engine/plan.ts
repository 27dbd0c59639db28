import { type Kernels, LANES, type PackDims } from './kernels/kernels.js';
import { createTally, type Tally, tallyLanes } from './loss.js';
import type { Model } from './model.js';
import { bindGradient, bindParameters, type PlanMemory, planLayers } from './plan-buffers.js';

/** Images as bytes and their classes. Both arrays may be longer than `count` asks for. */
export interface Batch {
  /** [count][channels][height][width] */
  pixels: Uint8Array;
  /** [count], each below the model's classes */
  labels: Uint8Array;
  count: number;
}

/** How a byte becomes a number: x = (u8/255 − mean)/std. */
export interface InputScaling {
  /** Channels of the bytes; one is given to every channel of the model's input (a first convolution then reads it just once). */
  channels: 1 | 3;
  mean: number;
  std: number;
}

/** What fixes the dropout masks of one microshard: whole numbers. */
export interface DropoutKey {
  seed: number;
  step: number;
  microshard: number;
}

/** A model ready to compute, with every buffer it needs. For one thread: calls share the buffers. */
export interface Plan {
  /** Samples, a multiple of 16; a batch may hold 0 to capacity. */
  readonly capacity: number;
  readonly memory: PlanMemory;
  /**
   * gradient[parameterCount] ← the gradient of the loss SUM over the samples (overwritten; of the loss with `targets`, if there are any); in the places of running statistics, what
   * `updateStatistics` takes, summed over the samples likewise. Sixteen samples at a time, in
   * order: the bits depend on the samples and the key, not on the capacity or on what was computed before.
   *
   * @throws BatchError
   */
  gradient(parameters: Float32Array, batch: Batch, key: DropoutKey, gradient: Float32Array): Tally;
  /** The plain cross-entropy and guesses, with dropout off. @throws BatchError */
  evaluate(parameters: Float32Array, batch: Batch): Tally;
  /** pixels[count][channels][height][width] → probabilities[count][classes], dropout off. @throws BatchError */
  predict(parameters: Float32Array, pixels: Uint8Array, count: number, probabilities: Float32Array): void;
}

export interface PlanOptions {
  capacity: number;
  scaling: InputScaling;
  /** Of the loss that is trained with, [classes][classes] (targets.ts); null or absent: the plain cross-entropy. */
  targets?: Float64Array | null | undefined;
}

/** A batch, or a buffer beside it, does not fit the plan. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/**
 * Allocates everything once; afterwards a training step allocates only the tally it returns (and a random stream per dropout layer and group).
 *
 * @throws RangeError for a capacity that is no positive multiple of 16, or a scaling that cannot be
 * @throws BatchError if the bytes have three channels and the model's input has not
 */
export function createPlan(model: Model, backend: Kernels, options: PlanOptions): Plan {
  const kernels = backend.forPlan();
  const { capacity, scaling } = options;
  if (!Number.isInteger(capacity) || capacity <= 0 || capacity % LANES !== 0) {
    throw new RangeError(`Expected a capacity that is a positive multiple of ${LANES}, found ${capacity}.`);
  }
  const { classes, input: shape, parameterCount } = model;
  const targets = options.targets ?? null;
  if (targets !== null && targets.length !== classes ** 2) {
    throw new RangeError(`Expected targets of ${classes}² values, found ${targets.length}.`);
  }
  checkChannels(model, scaling);
  const table = scalingTable(scaling);
  const { layers, input, channels, firstLearning, memory } = planLayers(model, kernels, scaling.channels);
  const area = shape.height * shape.width;
  const packDims: PackDims = { pixelChannels: scaling.channels, channels, area };
  const sampleBytes = scaling.channels * area;
  const softmax = layers[layers.length - 1];
  const { x: logits, y: probabilities, dx: dLogits } = softmax.buffers;
  const losses = new Float64Array(LANES);
  const labels = new Uint8Array(LANES);
  const pass = { training: false, seed: 0, step: 0, microshard: 0, group: 0, lanes: 0 };
  let boundParameters: Float32Array | null = null;
  let boundGradient: Float32Array | null = null;
  /** Of the caller's arrays, where the kernels would copy them on every call. */
  const copies = kernels.copies
    ? { parameters: kernels.allocate(parameterCount), gradient: kernels.allocate(parameterCount) }
    : null;

  function useParameters(parameters: Float32Array): void {
    expectLength('parameters', parameters.length, parameterCount);
    copies?.parameters.set(parameters);
    const used = copies?.parameters ?? parameters;
    if (used !== boundParameters) {
      bindParameters(model, layers, used);
      boundParameters = used;
    }
    for (const { run, buffers } of layers) run.begin?.(buffers);
  }

  /** Returns the array that the gradient is added up in. */
  function useGradient(gradient: Float32Array): Float32Array {
    expectLength('gradient values', gradient.length, parameterCount);
    const used = copies?.gradient ?? gradient;
    if (used !== boundGradient) {
      bindGradient(model, layers, used);
      boundGradient = used;
    }
    return used.fill(0);
  }

  /** The group's images through every layer but the last. Returns how many lanes are images. */
  function forward(pixels: Uint8Array, count: number, group: number): number {
    const first = group * LANES;
    const lanes = Math.min(LANES, count - first);
    kernels.packPixels(input, pixels, first, lanes, table, packDims);
    pass.group = group;
    pass.lanes = lanes;
    for (let i = 0; i < layers.length - 1; i++) layers[i].run.forward(layers[i].buffers, pass);
    return lanes;
  }

  function score(batch: Batch, group: number, lanes: number, tally: Tally): void {
    for (let lane = 0; lane < lanes; lane++) labels[lane] = batch.labels[group * LANES + lane];
    if (pass.training && targets !== null)
      kernels.softCrossEntropyForward(losses, logits, labels, targets, lanes, classes);
    else kernels.crossEntropyForward(losses, logits, labels, lanes, classes);
    tallyLanes(tally, losses, logits, labels, lanes, classes);
  }

  function backward(lanes: number): void {
    // A model learns, so some layer before the softmax wants dLogits.
    if (dLogits === null) return;
    softmax.run.forward(softmax.buffers, pass);
    if (targets === null) kernels.crossEntropyBackward(dLogits, probabilities, labels, lanes, classes);
    else kernels.softCrossEntropyBackward(dLogits, probabilities, labels, targets, lanes, classes);
    for (let i = layers.length - 2; i >= firstLearning; i--) {
      const { run, buffers, alsoToDx } = layers[i];
      run.backward(buffers, pass);
      const { dx } = buffers;
      if (dx !== null) for (const dy of alsoToDx) kernels.add(dx, dy);
    }
  }

  function checkPixels(pixels: Uint8Array, count: number): void {
    if (!Number.isInteger(count) || count < 0 || count > capacity) {
      throw new BatchError(`Expected a batch of 0 to ${capacity} samples, found ${count}.`);
    }
    if (pixels.length < count * sampleBytes) {
      const each = `${scaling.channels}×${shape.height}×${shape.width}`;
      throw new BatchError(
        `Expected ${count * sampleBytes} pixel bytes for ${count} samples of ${each}, found ${pixels.length}.`,
      );
    }
  }

  function checkBatch({ pixels, labels: all, count }: Batch): void {
    checkPixels(pixels, count);
    if (all.length < count) throw new BatchError(`Expected ${count} labels, found ${all.length}.`);
    for (let i = 0; i < count; i++) {
      if (all[i] >= classes) {
        throw new BatchError(
          `Sample ${i} of the batch: expected a label of 0 to ${classes - 1}, found ${all[i]}.`,
        );
      }
    }
  }

  return {
    capacity,
    memory,
    gradient(parameters, batch, key, gradient) {
      checkBatch(batch);
      useParameters(parameters);
      const sums = useGradient(gradient);
      pass.training = true;
      pass.seed = key.seed;
      pass.step = key.step;
      pass.microshard = key.microshard;
      const tally = createTally(classes);
      for (let group = 0; group * LANES < batch.count; group++) {
        const lanes = forward(batch.pixels, batch.count, group);
        score(batch, group, lanes, tally);
        backward(lanes);
      }
      for (const { run, buffers } of layers) run.end?.(buffers);
      if (sums !== gradient) gradient.set(sums);
      return tally;
    },
    evaluate(parameters, batch) {
      checkBatch(batch);
      useParameters(parameters);
      pass.training = false;
      const tally = createTally(classes);
      for (let group = 0; group * LANES < batch.count; group++) {
        const lanes = forward(batch.pixels, batch.count, group);
        score(batch, group, lanes, tally);
      }
      return tally;
    },
    predict(parameters, pixels, count, out) {
      checkPixels(pixels, count);
      if (out.length < count * classes) {
        throw new BatchError(`Expected room for ${count * classes} probabilities, found ${out.length}.`);
      }
      useParameters(parameters);
      pass.training = false;
      for (let group = 0; group * LANES < count; group++) {
        const lanes = forward(pixels, count, group);
        softmax.run.forward(softmax.buffers, pass);
        unpackLanes(out, probabilities, group * LANES, lanes, classes);
      }
    },
  };
}

function expectLength(what: string, found: number, expected: number): void {
  if (found !== expected) throw new BatchError(`Expected ${expected} ${what}, found ${found}.`);
}

function checkChannels({ input: { channels } }: Model, scaling: InputScaling): void {
  if (scaling.channels !== 1 && scaling.channels !== channels) {
    throw new BatchError(
      `Expected images of ${channels === 1 ? '1 channel' : `1 or ${channels} channels`} for this model, found ${scaling.channels}.`,
    );
  }
}

/** table[256]: what each byte becomes */
function scalingTable({ mean, std }: InputScaling): Float32Array {
  if (!Number.isFinite(mean) || !Number.isFinite(std) || std <= 0) {
    throw new RangeError(`Expected a finite mean and a positive std, found ${mean} and ${std}.`);
  }
  return Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
}

/** y[classes,16] → out[first + lane][classes] */
function unpackLanes(
  out: Float32Array,
  y: Float32Array,
  first: number,
  lanes: number,
  classes: number,
): void {
  for (let lane = 0; lane < lanes; lane++) {
    for (let k = 0; k < classes; k++) out[(first + lane) * classes + k] = y[k * LANES + lane];
  }
}
