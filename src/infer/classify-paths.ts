import { statSync } from 'node:fs';
import { type Augmentation, decodeFiles, sampleBytesOf } from '../data/index.js';
import type { Kernels } from '../engine/index.js';
import type { ModelFile } from '../store/index.js';
import { classify, tempered } from './predict.js';

/** Bytes of prepared images that are in memory at once. */
const batchBytes = 2 ** 23;

/** Images to classify at once: few enough for the memory, many enough to be worth the start of threads. */
export function batchSize(model: ModelFile): number {
  return Math.max(16, Math.min(4096, Math.floor(batchBytes / sampleBytesOf(model.preprocessing))));
}

export interface ClassifiedPaths {
  /** Per path: why it could not be classified, or null. */
  reasons: (string | null)[];
  /** [those without a reason][classes], in the order of the paths, at the model's temperature */
  probabilities: Float32Array;
}

/** Classifies files, each by itself: prepared and computed as the images of a folder are, to the same bits. */
export async function classifyPaths(
  paths: readonly string[],
  o: {
    model: ModelFile;
    kernels: Kernels;
    threads: number;
    views?: readonly Augmentation[];
    signal?: AbortSignal;
  },
): Promise<ClassifiedPaths> {
  const { preprocessing } = o.model;
  const reasons = paths.map(whyNoFile);
  const files = paths.filter((_, i) => reasons[i] === null);
  const sampleBytes = sampleBytesOf(preprocessing);
  const pixels = new Uint8Array(files.length * sampleBytes);
  const decodedReasons: (string | null)[] = [];
  let count = 0;
  for await (const decoded of decodeFiles(files, { preprocessing, threads: o.threads, signal: o.signal })) {
    decodedReasons.push(decoded.reason);
    if (decoded.pixels !== null) pixels.set(decoded.pixels, sampleBytes * count++);
  }
  let file = 0;
  for (const [i, reason] of reasons.entries()) reasons[i] = reason ?? decodedReasons[file++] ?? null;
  const probabilities =
    count === 0
      ? new Float32Array(0)
      : tempered(o.model, await classify(o.model, pixels.subarray(0, count * sampleBytes), count, o));
  return { reasons, probabilities };
}

/** Opening a pipe would wait for whoever writes to it, for ever. What cannot be looked at, decoding finds words for. */
function whyNoFile(path: string): string | null {
  try {
    const status = statSync(path);
    if (status.isDirectory()) return 'it is a folder; a file was expected';
    return status.isFile() ? null : 'it is no regular file';
  } catch {
    return null;
  }
}
