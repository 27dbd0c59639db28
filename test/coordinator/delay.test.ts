import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCurriculum } from '../../src/coordinator/curriculum.js';
import { type Progress, parseTrainingSpec, type TrainingSpec } from '../../src/coordinator/index.js';
import { createTrainer } from '../../src/coordinator/trainer.js';
import { buildModel, referenceKernels } from '../../src/engine/index.js';
import { asBytes, asFloat32, type RunOffer, type Task } from '../../src/protocol/index.js';
import { readModelFile } from '../../src/store/index.js';
import { createCompute, type Faults, startFakeWorker } from './fake-worker.js';
import { folder, pack, spec, startCluster } from './run-stage.js';

const late = (delay: number, changes: Partial<TrainingSpec> = {}): TrainingSpec => ({
  ...spec,
  delay,
  ...changes,
});
const delayMs: Faults['delayMs'] = (task) => ((task.node * 7 + task.step * 3) % 4) * 2;

const dieAt = (step: number): Faults => ({ die: (task) => task.mode === 'train' && task.step >= step });

/** The definition in one loop: no decider, no messages, every version of the parameters kept. */
function byDefinition(of: TrainingSpec, delay: number): Float32Array {
  const model = buildModel(of.model);
  const curriculum = createCurriculum(of, pack.manifest);
  const { stepsPerEpoch, totalSteps } = curriculum;
  const trainer = createTrainer({ ...of, delay: undefined }, model, totalSteps);
  const offer: RunOffer = {
    type: 'offer',
    run: 'none',
    fence: 1,
    seed: of.seed,
    microshards: of.microshards,
    microshardSamples: of.batch / of.microshards,
    numericsId: referenceKernels.numericsId,
    modelSpecJson: JSON.stringify(model.spec),
    manifestJson: '',
    parameterCount: model.parameterCount,
    heartbeatMs: 1,
    coordinatorVersion: '',
    augmentationJson: '',
    lossJson: '',
    localTrainingJson: '',
    gradientEncoding: 'f32',
    gradientsKept: 0,
    staleness: 0,
    newestWeights: false,
    reducers: 0,
  };
  const compute = createCompute(offer, pack, 'nobody');
  const versions: Float32Array[] = [];
  for (let step = 0; step < totalSteps; step++) {
    versions.push(trainer.parameters().slice());
    const beginning = step - (step % stepsPerEpoch);
    const unit = { mode: 'train', step, pass: 0, node: 1 } as const;
    const task: Task = {
      ...unit,
      type: 'task',
      run: 'none',
      fence: 1,
      weightsVersion: 0,
      samples: curriculum.samplesOf(unit),
      attempt: 0,
      evaluationSamples: offer.microshardSamples,
      epoch: 0,
      nextSamples: new Uint32Array(0),
    };
    const parameters = asBytes(versions[Math.max(beginning, step - delay)]);
    const { gradient, samples } = compute(task, {
      type: 'weights',
      run: 'none',
      fence: 1,
      version: 0,
      encoding: 'f32',
      parameters,
    });
    trainer.apply(asFloat32(gradient).slice(), samples);
  }
  return trainer.evaluated();
}

const bitsOf = (values: Float32Array): Buffer => Buffer.from(asBytes(values));

describe('a run with a delay', () => {
  it.each([1, 2])('of %i trains by its definition, to the bit, and by no other', async (delay) => {
    const { coordinator } = await startCluster([{ delayMs }, {}], { spec: late(delay) });
    const { modelPath } = await coordinator.finished;
    const bits = bitsOf((await readModelFile(modelPath)).parameters);
    expect(bitsOf(byDefinition(spec, delay)).equals(bits)).toBe(true);
    for (const other of [0, 1, 2].filter((one) => one !== delay))
      expect(bitsOf(byDefinition(spec, other)).equals(bits)).toBe(false);
  });

  it('ends with the same bits for any number of workers, with deaths, twins and audits', async () => {
    const hashes = new Set<string>();
    const clusters: [workers: Faults[], auditShare: number][] = [
      [[{}], 0],
      [[{ delayMs }, { duplicate: () => true }, {}], 0],
      [Array.from({ length: 5 }, () => ({ delayMs })), 0.5],
      [[dieAt(3), dieAt(9), {}], 0],
    ];
    for (const [i, [workers, auditShare]] of clusters.entries()) {
      const outDir = join(folder, `run-${i}`);
      const { coordinator } = await startCluster(workers, { outDir, spec: late(1), auditShare });
      const { modelSha256, outcome } = await coordinator.finished;
      expect(outcome).toBe('finished');
      hashes.add(modelSha256);
    }
    expect(hashes.size).toBe(1);
  });

  it.each([
    [1, undefined],
    [2, { decay: 0.9 }],
  ])(
    'of %i goes on in mid-epoch from a checkpoint with the bits of one that went through',
    async (delay, averaging) => {
      const changes = { spec: late(delay, { averaging }), checkpointEveryMs: 0 };
      const whole = await startCluster([{}], { ...changes, outDir: join(folder, 'whole') });
      const { modelSha256 } = await whole.coordinator.finished;
      for (const stopAt of [2, 6]) {
        let stop: (() => void) | null = null;
        const onProgress = ({ step }: Progress): void => {
          if (step >= stopAt) stop?.();
        };
        const part = await startCluster([], { ...changes, resume: stopAt > 2 }, onProgress);
        stop = () => void part.coordinator.stop();
        for (const name of ['a', 'b']) await startFakeWorker(part.config.transport, name, pack, { delayMs });
        const { outcome, steps } = await part.coordinator.finished;
        expect(outcome).toBe('stopped');
        // Not where an epoch of four steps begins.
        expect([stopAt, stopAt + 1]).toContain(steps);
      }
      const last = await startCluster([{}], { ...changes, resume: true });
      expect(await last.coordinator.finished).toMatchObject({ outcome: 'finished', modelSha256 });
    },
  );

  it('of 0 is absent from the spec, which is that of a run before there was one', () => {
    expect(parseTrainingSpec({ ...spec, delay: 0 })).toEqual(spec);
    expect(Object.keys(parseTrainingSpec({ ...spec, delay: 0 }))).not.toContain('delay');
    expect(parseTrainingSpec(late(2)).delay).toBe(2);
    expect(() => parseTrainingSpec({ ...spec, delay: 3 })).toThrow('"delay" is not valid');
  });
});
