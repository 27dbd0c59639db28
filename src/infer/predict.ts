import { Worker } from 'node:worker_threads';
import { type Augmentation, loadFolder, type Progress, type Reject } from '../data/index.js';
import { applyTemperature, buildModel, type Kernels } from '../engine/index.js';
import type { ModelFile } from '../store/index.js';
import { InferenceError } from './errors.js';
import { chunkSamples, type PredictionShare } from './predict-range.js';

export interface InferenceOptions {
  model: ModelFile;
  /** The images; with `labelled`, their labels stand in FOLDER.csv beside it. */
  folder: string;
  labelled: boolean;
  kernels: Kernels;
  /** For decoding and for computing; the figures do not depend on it. */
  threads: number;
  /** Of each image, beside itself: the probabilities are the mean of all. Default: none. */
  views?: readonly Augmentation[];
  onProgress?: (progress: Progress & { phase: 'decoding' | 'classifying' }) => void;
  signal?: AbortSignal;
}

export interface Inference {
  /** File names, in the order of the rows below. */
  names: string[];
  /** [n] class numbers, if the folder was read with labels */
  labels: Uint8Array | null;
  /** [n][classes], at the model's temperature */
  probabilities: Float32Array;
  /** [n][classes], at temperature 1: the same array for a model without one. */
  untempered: Float32Array;
  /** Files and CSV rows that are not among `names`, each with its reason. */
  rejects: Reject[];
  notes: string[];
}

/**
 * Classifies every image of a folder with the preprocessing that the model was trained with.
 * @throws DataError, InferenceError if no image can be used or a label is none of the model's classes
 */
export async function runInference(o: InferenceOptions): Promise<Inference> {
  const report = o.onProgress;
  const samples = await loadFolder({
    folder: o.folder,
    labelled: o.labelled,
    preprocessing: o.model.preprocessing,
    threads: o.threads,
    ...(report === undefined ? {} : { onProgress: (p: Progress) => report({ ...p, phase: 'decoding' }) }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  });
  const count = samples.names.length;
  if (count === 0) throw new InferenceError(nothingUsable(o.folder, samples.rejects));
  checkLabels(samples.labels, samples.names, o.model.classes);
  const untempered = await classify(o.model, samples.pixels, count, {
    kernels: o.kernels,
    threads: o.threads,
    ...(o.views === undefined ? {} : { views: o.views }),
    ...(report === undefined
      ? {}
      : { onChunk: (done: number) => report({ phase: 'classifying', done, total: count }) }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  });
  const { names, labels, rejects, notes } = samples;
  const probabilities = tempered(o.model, untempered);
  return { names, labels, probabilities, untempered, rejects, notes };
}

/** probabilities[n][classes] of `classify` → those that say how sure one can be; the same array for a model without a temperature. */
export function tempered({ temperature, classes }: ModelFile, probabilities: Float32Array): Float32Array {
  if (temperature === undefined) return probabilities;
  const copy = probabilities.slice();
  applyTemperature(copy, classes.length, temperature.value);
  return copy;
}

/** pixels[count][channels][height][width], prepared as the model wants them → probabilities[count][classes], at temperature 1 */
export async function classify(
  model: ModelFile,
  pixels: Uint8Array,
  count: number,
  o: {
    kernels: Kernels;
    threads: number;
    views?: readonly Augmentation[];
    onChunk?: (done: number) => void;
    signal?: AbortSignal;
  },
): Promise<Float32Array> {
  const { classes } = buildModel(model.spec);
  const share: PredictionShare = {
    spec: model.spec,
    preprocessing: model.preprocessing,
    kernels: o.kernels.name,
    views: o.views ?? [],
    parameters: sharedFloats(model.parameters),
    pixels: sharedBytes(pixels),
    count,
    probabilities: new Float32Array(new SharedArrayBuffer(4 * count * classes)),
    next: new Int32Array(new SharedArrayBuffer(4)),
  };
  const threads = Math.max(1, Math.min(o.threads, Math.ceil(count / chunkSamples)));
  let done = 0;
  const onChunk = (chunk: number): void => {
    done += chunk;
    o.onChunk?.(done);
  };
  const running = Array.from({ length: threads }, () => startThread(share, onChunk));
  const stop = (): void => {
    for (const { worker } of running) void worker.terminate();
  };
  o.signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(running.map(({ ended }) => ended));
    o.signal?.throwIfAborted();
  } finally {
    o.signal?.removeEventListener('abort', stop);
    stop();
  }
  return share.probabilities;
}

function startThread(
  share: PredictionShare,
  onChunk: (samples: number) => void,
): { worker: Worker; ended: Promise<void> } {
  const worker = new Worker(new URL('./predict-thread.js', import.meta.url), { workerData: share });
  worker.on('message', onChunk);
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  return { worker, ended };
}

function checkLabels(labels: Uint8Array | null, names: string[], classes: readonly string[]): void {
  const at = labels?.findIndex((label) => label >= classes.length) ?? -1;
  if (at < 0) return;
  throw new InferenceError(
    `The label of ${names[at]} is ${labels?.[at]}, but the model knows ${classes.length} classes, 0 to ${classes.length - 1}. ` +
      'Take a model that was trained for these labels.',
  );
}

function nothingUsable(folder: string, rejects: readonly Reject[]): string {
  const first = rejects[0];
  const example = first === undefined ? '' : `; the first: ${first.name} (${first.reason})`;
  return `No image of ${folder} can be used: ${rejects.length} rejected${example}.`;
}

function sharedFloats(values: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function sharedBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  shared.set(bytes);
  return shared;
}
