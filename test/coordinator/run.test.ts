import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildModel, createPlan, fitTemperature, referenceKernels } from '../../src/engine/index.js';
import { type ModelFile, readModelFile } from '../../src/store/index.js';
import { type Faults, startFakeWorker } from './fake-worker.js';
import { expectedSha256, folder, pack, sampleOf, spec, startCluster } from './run-stage.js';

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

/** Of the validation samples, the last of the pack, by hand. */
function temperatureOn(samples: number, file: ModelFile): number | null {
  const { sampleCount, sampleBytes, preprocessing } = pack.manifest;
  const model = buildModel(file.spec);
  const { mean, std } = preprocessing;
  const plan = createPlan(model, referenceKernels, { capacity: 64, scaling: { channels: 1, mean, std } });
  const indices = Uint32Array.from({ length: samples }, (_, i) => sampleCount - samples + i);
  const pixels = new Uint8Array(samples * sampleBytes);
  const labels = new Uint8Array(samples);
  pack.reader.read(indices, pixels, labels);
  const probabilities = new Float32Array(samples * model.classes);
  plan.predict(file.parameters, pixels, samples, probabilities);
  return fitTemperature({ probabilities, labels, classes: model.classes });
}

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
    expect(model.temperature).toMatchObject({ fittedOn: 'validation', samples: 60 });
    expect(model.temperature?.value).toBe(temperatureOn(60, model));
    const names = await readdir(config.outDir);
    expect(names.toSorted()).toEqual([
      'checkpoints',
      'curves.png',
      'curves.svg',
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
