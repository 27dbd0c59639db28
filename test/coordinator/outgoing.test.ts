import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CoordinatorState, initialState, type Position } from '../../src/coordinator/decide/state.js';
import type { CoordinatorConfig, TrainingSpec } from '../../src/coordinator/index.js';
import { type OutgoingMessages, outgoingMessages } from '../../src/coordinator/outgoing.js';
import { type PreparedRun, prepareRun } from '../../src/coordinator/prepare.js';
import { planOf } from '../../src/coordinator/run-plan.js';
import { parseAugmentation } from '../../src/data/index.js';
import { referenceKernels } from '../../src/engine/index.js';
import { Registry, silentLog } from '../../src/metrics/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { folder, pack, spec } from './run-stage.js';

let runs = 0;

/** A run after as many steps as the position says. */
async function after(
  position: Position,
  changes: Partial<TrainingSpec>,
): Promise<{ run: PreparedRun; messages: OutgoingMessages }> {
  runs += 1;
  const config: CoordinatorConfig = {
    spec: { ...spec, ...changes },
    pack,
    transport: createEmbeddedTransport(),
    kernels: referenceKernels,
    outDir: join(folder, `run-${runs}`),
    resume: false,
    minWorkers: 1,
    workerWaitMs: null,
    checkpointEveryMs: 0,
    keepCheckpoints: 1,
    heartbeatMs: 100,
    version: '1.0.0',
    metrics: new Registry(),
    log: silentLog,
  };
  const run = await prepareRun(config);
  for (let step = 0; step < position.step; step++)
    run.trainer.apply(new Float32Array(run.model.parameterCount).fill(step + 1), 64);
  const state: CoordinatorState = initialState(planOf(config, run), position, 0);
  return { run, messages: outgoingMessages(config, run, () => state) };
}

/** Four steps to an epoch. */
const epoch = { step: 4, ahead: [] };
const ofLastStep = 7;

describe.each([{ weightsDtype: 'bf16' }, { averaging: { decay: 0.9 } }] as const)(
  'weights that the trainer is past, with %j',
  (changes) => {
    it('are replaced by those of the validation if one is next: workers would take its blocks for done if they had newer ones', async () => {
      const { run, messages } = await after({ ...epoch, recordedEpochs: 0 }, changes);
      expect(run.curriculum.stepsPerEpoch).toBe(4);
      const { version, parameters } = messages.weights(ofLastStep);
      expect(version).toBe(8);
      expect(Buffer.from(parameters)).toEqual(Buffer.from(messages.weights(8).parameters));
    });

    it('are replaced by those of the next step if that is next', async () => {
      const { messages } = await after({ ...epoch, recordedEpochs: 1 }, changes);
      expect(messages.weights(ofLastStep)).toEqual(messages.weights(9));
      expect(messages.weights(9).version).toBe(9);
    });
  },
);

describe('offers, and weights of a version,', () => {
  it('are one message for all who get them', async () => {
    const { run, messages } = await after({ ...epoch, recordedEpochs: 1 }, {});
    expect(messages.offer()).toBe(messages.offer());
    const [before, again] = [messages.weights(4), messages.weights(4)];
    expect(again).toBe(before);
    run.trainer.apply(new Float32Array(run.model.parameterCount).fill(1), 64);
    const later = messages.weights(5);
    expect([before.version, later.version]).toEqual([4, 5]);
    expect(Buffer.from(later.parameters)).toEqual(
      Buffer.from(run.trainer.parameters().buffer, 0, later.parameters.byteLength),
    );
  });
});

describe('a task', () => {
  const begin = { ...epoch, step: 0, recordedEpochs: 0 };
  const block = { pass: 0, node: 2 } as const;
  const augmentation = parseAugmentation('light') ?? undefined;
  const train = (step: number) => ({ ...block, mode: 'train', step }) as const;

  it('names the samples that its block has in the next step of the epoch', async () => {
    const { messages } = await after(begin, { augmentation });
    const next = messages.task(train(2), 2, 0).samples;
    expect(next.length).toBeGreaterThan(0);
    expect(messages.task(train(1), 1, 0).nextSamples).toEqual(next);
  });

  it('names none at the end of an epoch, of a validation, or where images stay as they are', async () => {
    const { messages } = await after(begin, { augmentation });
    expect(messages.task(train(3), 3, 0).nextSamples).toHaveLength(0);
    const validation = { ...block, mode: 'evaluate', step: 0, pass: 1 } as const;
    expect(messages.task(validation, 1, 0).nextSamples).toHaveLength(0);
    const plain = await after(begin, {});
    expect(plain.messages.task(train(1), 1, 0).nextSamples).toHaveLength(0);
  });
});
