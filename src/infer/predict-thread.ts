import { parentPort, workerData } from 'node:worker_threads';
import { type PredictionShare, predictRange } from './predict-range.js';

const share: PredictionShare = workerData;
predictRange(share, (samples) => parentPort?.postMessage(samples));
