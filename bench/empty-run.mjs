// The real coordinator (links, ledger, fold, optimizer, metrics) on samples that nobody ever asks for, since its workers are simulated.
import { randomBytes } from 'node:crypto';
import { parseTrainingSpec, startCoordinator } from '../dist/coordinator/index.js';
import { defaultPreprocessing } from '../dist/data/index.js';
import { createRegistry } from '../dist/metrics/index.js';

// A warning that all the time goes on messages is no news here.
const silent = { debug() {}, info() {}, warn() {}, error: console.error, child: () => silent };

function emptyPack(sampleCount, sampleBytes) {
  const hash = randomBytes(32).toString('hex');
  const folders = [{ name: 'none', first: 0, count: sampleCount }];
  const blocks = [{ hash, samples: sampleCount }];
  const shape = { sampleBytes, samplesPerBlock: sampleCount, sampleCount };
  return {
    manifest: { hash, preprocessing: defaultPreprocessing, ...shape, blocks, folders },
    labels: new Uint8Array(sampleCount),
    names: String,
    rejects: [],
    notes: [],
    fromCache: true,
    readBlock: () => Promise.reject(new Error('no samples')),
    reader: { read() {} },
    close: async () => undefined,
  };
}

/**
 * @param {{ name: string, model: object, steps: number, microshards: number, workers: number, folder: string, transport: object,
 *   kernels: object, version: string, epochs?: number, onStep: (step: number) => void }} options `model`: a model spec; `steps`: of an epoch, each
 *   of 16 samples for each microshard; `epochs`: 1 if absent; `workers`: how many it waits for; `onStep`: after each step, with their
 *   number; what else a coordinator may be told
 */
export async function startEmptyRun(options) {
  const { name, model, steps, epochs = 1, microshards, workers, folder, onStep, ...rest } = options;
  const batch = 16 * microshards;
  const spec = parseTrainingSpec({
    model,
    preprocessing: defaultPreprocessing,
    optimizer: 'adamw',
    schedule: 'constant',
    learningRate: 1e-5,
    epochs,
    batch,
    microshards,
    seed: 1,
    validate: null,
    trainFolders: ['none'],
  });
  let seen = 0;
  return startCoordinator({
    spec,
    pack: emptyPack(batch * steps, 1024),
    outDir: folder,
    resume: false,
    runName: name,
    minWorkers: workers,
    workerWaitMs: 60_000,
    checkpointEveryMs: 3_600_000,
    keepCheckpoints: 1,
    heartbeatMs: 2_000,
    metrics: createRegistry(),
    log: silent,
    onProgress: ({ step }) => {
      if (step <= seen) return;
      seen = step;
      onStep(step);
    },
    ...rest,
  });
}
