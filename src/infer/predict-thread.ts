import { parentPort, workerData } from 'node:worker_threads';
import { type PredictionShare, predictRange } from './predict-range.js';

const share: PredictionShare = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads, not a window
predictRange(share, (samples) => parentPort?.postMessage(samples));
