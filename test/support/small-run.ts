import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Coordinator,
  type CoordinatorConfig,
  parseTrainingSpec,
  startCoordinator,
  type TrainingSpec,
} from '../../src/coordinator/index.js';
import { defaultPreprocessing, type Pack, preparePack } from '../../src/data/index.js';
import { resolveKernels } from '../../src/engine/index.js';
import { createRegistry, silentLog } from '../../src/metrics/index.js';
import { type ReducerConfig, type RunningReducer, startReducer } from '../../src/reducer/index.js';
import type { Transport } from '../../src/transport/index.js';
import { type RunningWorker, startWorker, type WorkerConfig } from '../../src/worker/index.js';
import { temporaryFolder, writeSmallSet } from './small-data.js';

const described: { version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);
export const version = described.version;

/** Two epochs of five steps on images of 16 × 16, with batch normalisation, dropout and validation: a second or two on one thread. */
export function smallSpec(changes: Record<string, unknown> = {}): TrainingSpec {
  return parseTrainingSpec({
    model: {
      name: 'small',
      input: [1, 16, 16],
      layers: [
        { type: 'conv2d', filters: 6, kernel: 3 },
        { type: 'batchnorm2d' },
        { type: 'relu' },
        { type: 'maxpool2d', size: 2 },
        { type: 'flatten' },
        { type: 'dropout', rate: 0.2 },
        { type: 'linear', units: 24 },
        { type: 'relu' },
        { type: 'linear', units: 10 },
        { type: 'softmax' },
      ],
    },
    preprocessing: { ...defaultPreprocessing, width: 16, height: 16 },
    optimizer: { type: 'adam' },
    schedule: { type: 'cosine', warmupSteps: 2 },
    learningRate: 0.004,
    epochs: 2,
    batch: 128,
    microshards: 8,
    seed: 5,
    validate: { fraction: 0.15 },
    trainFolders: ['training-a'],
    ...changes,
  });
}

/** A temporary folder with a small data set, packed; coordinators and workers run in folders below it. */
export interface Workshop {
  path: string;
  dataDir: string;
  pack: Pack;
  spec: TrainingSpec;
  coordinator(o: { transport: Transport; out: string } & Partial<CoordinatorConfig>): Promise<Coordinator>;
  worker(o: { transport: Transport; worker: string } & Partial<WorkerConfig>): Promise<RunningWorker>;
  reducer(o: { transport: Transport; reducer: string } & Partial<ReducerConfig>): Promise<RunningReducer>;
  dispose(): Promise<void>;
}

export async function openWorkshop(spec = smallSpec(), images = 700): Promise<Workshop> {
  const folder = await temporaryFolder();
  const { path } = folder;
  const dataDir = join(path, 'data');
  await writeSmallSet(dataDir, { 'training-a': images });
  const pack = await preparePack({
    dataDir,
    folders: ['training-a'],
    preprocessing: spec.preprocessing,
    cacheDir: join(path, 'cache'),
    threads: 1,
    maxRejects: 0,
  });
  return {
    path,
    dataDir,
    pack,
    spec,
    coordinator: ({ transport, out, ...changes }) =>
      startCoordinator({
        spec,
        pack,
        transport,
        kernels: resolveKernels('reference').kernels,
        outDir: join(path, out),
        resume: false,
        minWorkers: 1,
        workerWaitMs: 60_000,
        checkpointEveryMs: 0,
        keepCheckpoints: 2,
        heartbeatMs: 500,
        version,
        metrics: createRegistry(),
        log: silentLog,
        ...changes,
      }),
    worker: ({ transport, worker, ...changes }) =>
      startWorker({
        worker,
        transport,
        threads: 1,
        kernels: 'reference',
        cacheDir: join(path, `cache-of-${worker}`),
        once: false,
        log: silentLog,
        ...changes,
      }),
    reducer: ({ transport, reducer, ...changes }) =>
      startReducer({
        reducer,
        transport,
        kernels: 'reference',
        once: false,
        run: null,
        log: silentLog,
        metrics: createRegistry(),
        machine: { host: 'here', pid: 1 },
        version,
        ...changes,
      }),
    dispose: async () => {
      await pack.close();
      await folder.dispose();
    },
  };
}
