import { parentPort, workerData } from 'node:worker_threads';
import { decodeImage, ImageError, preprocess, sampleBytesOf } from '../../data/index.js';
import { openPredictor } from '../predict-range.js';
import type { BatchAnswer, ThreadStart } from './image-threads.js';

const { computing, parameters, capacity }: ThreadStart = workerData;
const { classes, predict } = openPredictor(computing, capacity);
const sampleBytes = sampleBytesOf(computing.preprocessing);

parentPort?.on('message', (images: Uint8Array[]) => void takeUp(images));

async function takeUp(images: readonly Uint8Array[]): Promise<void> {
  parentPort?.postMessage(await answer(images));
}

/** What fails otherwise than by being no image ends this thread: whoever started it finds out which image it was. */
async function answer(images: readonly Uint8Array[]): Promise<BatchAnswer> {
  const reasons: (string | null)[] = [];
  const pixels = new Uint8Array(images.length * sampleBytes);
  let count = 0;
  for (const bytes of images) {
    try {
      pixels.set(preprocess(await decodeImage(bytes), computing.preprocessing), count * sampleBytes);
      reasons.push(null);
      count += 1;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      reasons.push(error.message);
    }
  }
  const probabilities = new Float32Array(count * classes);
  if (count > 0) predict(parameters, pixels, count, probabilities);
  return { reasons, pixels, probabilities };
}
