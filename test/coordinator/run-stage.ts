import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import {
  type Coordinator,
  type CoordinatorConfig,
  type Progress,
  parseTrainingSpec,
  startCoordinator,
} from '../../src/coordinator/index.js';
import { referenceKernels } from '../../src/engine/index.js';
import { Registry, silentLog } from '../../src/metrics/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { createFakePack } from './fake-pack.js';
import { type Faults, startFakeWorker } from './fake-worker.js';

export const pack = createFakePack({ 'training-a': 200, 'training-b': 60 });
export const spec = parseTrainingSpec({
  model: {
    name: 'tiny',
    input: [1, 8, 8],
    layers: [
      { type: 'flatten' },
      { type: 'linear', units: 12 },
      { type: 'batchnorm2d' },
      { type: 'relu' },
      { type: 'dropout', rate: 0.1 },
      { type: 'linear', units: 10 },
      { type: 'softmax' },
    ],
  },
  preprocessing: pack.manifest.preprocessing,
  optimizer: 'adam',
  schedule: 'constant',
  learningRate: 0.01,
  clipNorm: 5,
  epochs: 4,
  batch: 64,
  microshards: 4,
  seed: 5,
  validate: { folder: 'training-b' },
  trainFolders: ['training-a'],
});

/** Of the test that runs. */
export let folder = '';
export const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onko-coordinator-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(folder, { recursive: true });
});

export interface Cluster {
  coordinator: Coordinator;
  registry: Registry;
  warnings: string[];
  progress: Progress[];
  config: CoordinatorConfig;
}

export async function startCluster(
  workers: Faults[],
  changes: Partial<CoordinatorConfig> = {},
  onProgress?: (p: Progress) => void,
): Promise<Cluster> {
  const transport = changes.transport ?? createEmbeddedTransport();
  closers.push(() => transport.close());
  const registry = new Registry();
  const warnings: string[] = [];
  const progress: Progress[] = [];
  const config: CoordinatorConfig = {
    spec,
    pack,
    transport,
    kernels: referenceKernels,
    outDir: join(folder, 'run'),
    resume: false,
    minWorkers: Math.max(1, workers.length),
    workerWaitMs: 30_000,
    checkpointEveryMs: 0,
    keepCheckpoints: 3,
    heartbeatMs: 100,
    version: '1.0.0',
    metrics: registry,
    log: {
      ...silentLog,
      warn: (line) => void warnings.push(line),
      error: (line) => void warnings.push(line),
    },
    onProgress: (p) => {
      progress.push(p);
      onProgress?.(p);
    },
    ...changes,
  };
  const coordinator = await startCoordinator(config);
  for (const [i, faults] of workers.entries()) {
    const worker = await startFakeWorker(transport, `w${i}`, pack, faults);
    closers.unshift(() => worker.die());
  }
  return { coordinator, registry, warnings, progress, config };
}

/** SHA-256 of the model that an undisturbed run with one worker ends with. */
let undisturbed: Promise<string> | null = null;
export function expectedSha256(): Promise<string> {
  undisturbed ??= (async () => {
    const { coordinator } = await startCluster([{}], { outDir: join(folder, 'undisturbed') });
    return (await coordinator.finished).modelSha256;
  })();
  return undisturbed;
}

export async function sampleOf(
  registry: Registry,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const metric = await registry.getSingleMetric(name)?.get();
  const value = metric?.values.find((one) =>
    Object.entries(labels).every(([key, wanted]) => one.labels[key] === wanted),
  );
  return value?.value ?? Number.NaN;
}
