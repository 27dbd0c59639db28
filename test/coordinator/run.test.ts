import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Coordinator,
  type CoordinatorConfig,
  type Progress,
  parseTrainingSpec,
  startCoordinator,
} from '../../src/coordinator/index.js';
import { referenceKernels } from '../../src/engine/index.js';
import { Registry, silentLog } from '../../src/metrics/index.js';
import { readModelFile } from '../../src/store/index.js';
import { BrokerError, createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import { createFakePack } from './fake-pack.js';
import { type Faults, startFakeWorker } from './fake-worker.js';

const pack = createFakePack({ 'training-a': 200, 'training-b': 60 });
const spec = parseTrainingSpec({
  model: {
    name: 'tiny',
    input: [1, 8, 8],
    layers: [
      { type: 'flatten' },
      { type: 'linear', units: 12 },
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

let folder = '';
let closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onko-coordinator-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(folder, { recursive: true });
});

interface Cluster {
  coordinator: Coordinator;
  registry: Registry;
  warnings: string[];
  progress: Progress[];
  config: CoordinatorConfig;
}

async function startCluster(
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
function expectedSha256(): Promise<string> {
  undisturbed ??= (async () => {
    const { coordinator } = await startCluster([{}], { outDir: join(folder, 'undisturbed') });
    return (await coordinator.finished).modelSha256;
  })();
  return undisturbed;
}

async function sampleOf(
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

const delayMs = (task: { node: number; step: number }): number => ((task.node * 7 + task.step * 3) % 4) * 2;
const dieAt =
  (steps: number): NonNullable<Faults['die']> =>
  (task) =>
    task.mode === 'train' && task.step >= steps;
const poison = (task: { samples: Uint32Array }): string | null =>
  task.samples.includes(77) ? 'cannot read sample 77' : null;
const spoilStep5: Faults['spoil'] = (result) => {
  if (result.step === 5 && result.mode === 'train') result.gradient.fill(0xff);
};

describe('a run', () => {
  it('trains, validates, and leaves everything in its folder', async () => {
    const { coordinator, registry, progress, config } = await startCluster([{}, {}]);
    const summary = await coordinator.finished;
    expect(summary).toMatchObject({ outcome: 'finished', steps: 16, epochs: 4 });
    expect(summary.modelSha256).toBe(await expectedSha256());
    expect(summary.validationAccuracy).toBeGreaterThan(0.5);
    const model = await readModelFile(summary.modelPath);
    expect(model.classes).toHaveLength(10);
    expect(model.provenance['data_hash']).toBe(pack.manifest.hash);
    const names = await readdir(config.outDir);
    expect(names.toSorted()).toEqual([
      'checkpoints',
      'curves.png',
      'fence',
      'history.csv',
      'model.safetensors',
      'run.json',
    ]);
    const rows = (await readFile(join(config.outDir, 'history.csv'), 'utf8')).trim().split('\n');
    expect(rows[0]).toBe(
      'epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,images_per_second',
    );
    expect(rows.slice(1).map((row) => row.split(',').slice(0, 3).join(','))).toEqual([
      '1,4,0.01',
      '2,8,0.01',
      '3,12,0.01',
      '4,16,0.01',
    ]);
    expect(await sampleOf(registry, 'onko_images_total', { mode: 'train' })).toBe(800);
    expect(await sampleOf(registry, 'onko_images_total', { mode: 'evaluate' })).toBe(240);
    expect(await sampleOf(registry, 'onko_steps_total')).toBe(16);
    expect(progress.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['training', 'finished']));
    expect(progress.at(-1)).toMatchObject({ step: 16, totalSteps: 16, epochs: 4 });
  });

  it('ends with the same bits for any number of workers, delays and twins', async () => {
    const expected = await expectedSha256();
    for (const workers of [
      [{ delayMs }],
      [{ delayMs }, { duplicate: () => true }, {}],
      Array.from({ length: 5 }, () => ({ delayMs })),
    ]) {
      const outDir = join(folder, `w${workers.length}`);
      const { coordinator, registry } = await startCluster(workers, { outDir });
      expect((await coordinator.finished).modelSha256).toBe(expected);
      expect(await sampleOf(registry, 'onko_duplicate_mismatches_total')).toBe(0);
    }
  });

  it('survives workers that die in mid-step', async () => {
    const { coordinator } = await startCluster([{ die: dieAt(3) }, { die: dieAt(9) }, {}]);
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
  });

  it('turns away who computes other bits, and goes on with the others', async () => {
    const { coordinator, config } = await startCluster([]);
    const foreign = await startFakeWorker(config.transport, 'foreign', pack, {}, { numericsId: 'other' });
    const old = await startFakeWorker(config.transport, 'old', pack, {}, { version: '0.9.0' });
    await startFakeWorker(config.transport, 'right', pack);
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    for (const { tasks, messages } of [foreign, old]) {
      expect(tasks).toBe(0);
      expect(messages.map(({ type }) => type)).toContain('refuse');
    }
  });

  it('stops by name of the samples when a block fails on two workers', async () => {
    const { coordinator, registry } = await startCluster([{ fail: poison }, { fail: poison }]);
    const error: unknown = await coordinator.finished.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      name: 'RunStoppedError',
      message: expect.stringMatching(
        /failed on 2 different workers .*cannot read sample 77.*training-a\/\d+\.png/,
      ),
      samples: expect.arrayContaining(['training-a/77.png']),
    });
    expect(await sampleOf(registry, 'onko_quarantined_total')).toBe(1);
  });

  it('stops when results are not finite', async () => {
    const { coordinator } = await startCluster([{ spoil: spoilStep5 }]);
    await expect(coordinator.finished).rejects.toThrow(/diverged.*step 5/);
  });

  it('counts what it does not accept', async () => {
    let spoilt = false;
    const spoil: Faults['spoil'] = (result) => {
      if (spoilt) return;
      spoilt = true;
      result.gradient = result.gradient.subarray(0, 10);
    };
    const { coordinator, registry } = await startCluster([{ spoil }]);
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(await sampleOf(registry, 'onko_rejects_total', { reason: 'wrong_length' })).toBe(1);
  });

  it('gives up when nobody comes', async () => {
    const { coordinator } = await startCluster([], { workerWaitMs: 300 });
    await expect(coordinator.finished).rejects.toThrow(/0 of 1 were ready/);
  });

  it('refuses data that the model cannot take', async () => {
    const model = { ...spec.model, input: [1, 9, 9] as [number, number, number] };
    await expect(startCluster([], { spec: { ...spec, model } })).rejects.toThrow(
      expect.objectContaining({ name: 'TrainingSpecError', message: expect.stringContaining('1×9×9') }),
    );
  });
});

/** Starts a run and stops it in an orderly way once `when` says so. */
async function runUntil(
  when: (p: Progress) => boolean,
  changes: Partial<CoordinatorConfig> = {},
): Promise<void> {
  let stop!: () => void;
  const reached = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const { coordinator } = await startCluster([{}, {}], changes, (p) => {
    if (when(p)) stop();
  });
  await reached;
  await coordinator.stop();
  expect((await coordinator.finished).outcome).toBe('stopped');
}

describe('resuming', () => {
  it.each([
    ['mid-epoch', (p: Progress) => p.step === 6],
    ['during a validation', (p: Progress) => p.phase === 'evaluating' && p.step === 8],
    ['at the start', () => true],
  ])('after a stop %s ends with the bits of an undisturbed run', async (_when, when) => {
    await runUntil(when);
    const { coordinator, config } = await startCluster([{}], { resume: true });
    const summary = await coordinator.finished;
    expect(summary).toMatchObject({ outcome: 'finished', modelSha256: await expectedSha256(), epochs: 4 });
    expect(await readFile(join(config.outDir, 'fence'), 'utf8')).toBe('2\n');
    const rows = (await readFile(join(config.outDir, 'history.csv'), 'utf8')).trim().split('\n');
    expect(rows.slice(1).map((row) => row.split(',')[0])).toEqual(['1', '2', '3', '4']);
  });

  it('after several stops, and with the newest checkpoint torn, too', async () => {
    await runUntil((p) => p.step === 3);
    await runUntil((p) => p.step === 7, { resume: true });
    const checkpoints = join(folder, 'run', 'checkpoints');
    const newest = (await readdir(checkpoints)).toSorted().at(-1) ?? '';
    await truncate(join(checkpoints, newest), 1_000);
    const { coordinator, warnings } = await startCluster([{}], { resume: true });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(warnings[0]).toContain(newest);
  });

  it('starts again from the beginning when there is no checkpoint yet', async () => {
    await runUntil(() => true);
    await rm(join(folder, 'run', 'checkpoints'), { recursive: true });
    const { coordinator } = await startCluster([{}], { resume: true });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
  });

  it('loses no step to a broker that stays away', async () => {
    const transport = createEmbeddedTransport();
    let lose!: (error: Error) => void;
    const fragile: Transport = {
      ...transport,
      openCoordinator: async (o) => {
        const link = await transport.openCoordinator(o);
        link.onState = (listener) => {
          lose = (error) => listener({ type: 'lost', error });
        };
        return link;
      },
    };
    closers.push(() => transport.close());
    const hours = { checkpointEveryMs: 3_600_000, transport: fragile };
    const { coordinator } = await startCluster([{}], hours, (p) => {
      if (p.phase === 'training' && p.step === 6) lose(new BrokerError('Gave up on RabbitMQ.'));
    });
    await expect(coordinator.finished).rejects.toThrow('Gave up on RabbitMQ.');
    expect((await readdir(join(folder, 'run', 'checkpoints'))).toSorted().at(-1)).toContain('-00000006.');
    const second = await startCluster([{}], { resume: true });
    expect((await second.coordinator.finished).modelSha256).toBe(await expectedSha256());
  });

  it('of a finished run does nothing and tells what it came to', async () => {
    const first = await startCluster([{}]);
    const summary = await first.coordinator.finished;
    const again = await startCluster([], { resume: true });
    expect(await again.coordinator.finished).toEqual(summary);
    await again.coordinator.stop();
    await rm(summary.modelPath);
    const third = await startCluster([], { resume: true });
    expect((await third.coordinator.finished).modelSha256).toBe(summary.modelSha256);
    await readModelFile(summary.modelPath);
  });

  it('is refused with another spec, and a fresh start over a run, too', async () => {
    await runUntil((p) => p.step === 2);
    await expect(startCluster([], { resume: true, spec: { ...spec, seed: 6 } })).rejects.toThrow(
      expect.objectContaining({
        name: 'ResumeMismatchError',
        message: expect.stringContaining('seed (5 there, 6 here)'),
      }),
    );
    await expect(startCluster([])).rejects.toThrow(expect.objectContaining({ name: 'RunFolderError' }));
  });

  it('fences off the coordinator before: it writes nothing more', async () => {
    const slow: Faults = { delayMs: () => 20 };
    const first = await startCluster([slow]);
    const second = await startCluster([{}], { resume: true });
    await expect(first.coordinator.finished).rejects.toThrow(/Another coordinator/);
    expect((await second.coordinator.finished).modelSha256).toBe(await expectedSha256());
  });
});
