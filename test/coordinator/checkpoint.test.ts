import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  readNewestCheckpoint,
  writeCheckpoint,
} from '../../src/coordinator/checkpoint.js';
import { buildModel, createOptimizer, createRandom, parseModelSpec } from '../../src/engine/index.js';
import { silentLog } from '../../src/metrics/index.js';
import { standsFor } from '../sim/stand-in.js';

const model = buildModel(
  parseModelSpec({
    name: 'tiny',
    input: [1, 4, 4],
    layers: [{ type: 'flatten' }, { type: 'linear', units: 10 }, { type: 'softmax' }],
  }),
);
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onko-checkpoint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function checkpointAt(step: number): Checkpoint {
  const random = createRandom(step);
  const draw = (): Float32Array => Float32Array.from({ length: model.parameterCount }, () => random.normal());
  const optimizer = createOptimizer({ type: 'adam' });
  const optimizerState = optimizer.init(model.parameterCount);
  const parameters = draw();
  optimizer.update(parameters, draw(), optimizerState, 0.01);
  return {
    metadata: {
      format: 'onko-checkpoint-1',
      run: 'run-1',
      fence: 2,
      spec: '{}',
      dataHash: 'd',
      numericsId: 'n',
      step,
      ahead: [],
      recordedEpochs: 0,
      lossTrend: { steps: 3, mean: 1.5, best: null, above: 0 },
      epochSums: { samples: 48, lossSum: Math.PI / 7, correct: 5 },
      epochSeconds: 1.5,
      seconds: 1.5,
      history: [],
      optimizer: { updates: optimizerState.updates, scalars: optimizerState.scalars },
    },
    parameters,
    optimizerState,
    kept: {
      average: draw(),
      best: step % 2 === 0 ? draw() : null,
      previous: step % 3 === 0 ? [draw(), draw()] : [],
    },
  };
}

const save = (step: number, keep = 10): Promise<void> =>
  writeCheckpoint(folder, step, encodeCheckpoint(model, checkpointAt(step)), keep);

function collectWarnings(): { log: typeof silentLog; warnings: string[] } {
  const warnings: string[] = [];
  return { warnings, log: { ...silentLog, warn: (message) => void warnings.push(message) } };
}

describe('checkpoints', () => {
  it('give back every bit', () => {
    const checkpoint = checkpointAt(3);
    expect(decodeCheckpoint(model, encodeCheckpoint(model, checkpoint))).toEqual(checkpoint);
  });

  it('of asynchronous training say which steps were done before an earlier one; others, and those of before, none', () => {
    const { metadata, ...tensors } = checkpointAt(3);
    const late = { ...tensors, metadata: { ...metadata, ahead: [4, 6] } };
    expect(decodeCheckpoint(model, encodeCheckpoint(model, late)).metadata.ahead).toEqual([4, 6]);
    const { ahead: _none, ...before } = metadata;
    standsFor<typeof metadata>(before);
    expect(
      decodeCheckpoint(model, encodeCheckpoint(model, { ...tensors, metadata: before })).metadata.ahead,
    ).toEqual([]);
  });

  it('are found newest first, and only the last few stay', async () => {
    for (const step of [5, 100, 20, 101]) await save(step, 2);
    expect((await readdir(folder)).toSorted()).toEqual([
      'step-00000100.safetensors',
      'step-00000101.safetensors',
    ]);
    const found = await readNewestCheckpoint(folder, model, silentLog);
    expect(found?.checkpoint).toEqual(checkpointAt(101));
  });

  const damages: [string, (path: string) => Promise<void>][] = [
    ['cut in half', async (path) => truncate(path, Math.floor((await readFile(path)).length / 2))],
    ['without a byte', (path) => truncate(path, 0)],
    ['of something else', (path) => writeFile(path, 'not a checkpoint, although the name says so')],
    [
      'with broken metadata',
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.indexOf('onko-checkpoint-1')] = 0x58;
        await writeFile(path, bytes);
      },
    ],
  ];
  it('notice any byte that changed, wherever it is', async () => {
    const bytes = encodeCheckpoint(model, checkpointAt(1));
    const random = createRandom(11);
    for (let trial = 0; trial < 300; trial++) {
      const damaged = bytes.slice();
      damaged[random.below(damaged.length)] ^= 1 + random.below(255);
      expect(() => decodeCheckpoint(model, damaged), `trial ${trial}`).toThrow();
    }
  });

  it.each(damages)('%s are skipped with a warning that names them', async (_what, damage) => {
    await save(1);
    await save(2);
    await damage(join(folder, 'step-00000002.safetensors'));
    const { log, warnings } = collectWarnings();
    const found = await readNewestCheckpoint(folder, model, log);
    expect(found?.checkpoint.metadata.step).toBe(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('step-00000002.safetensors');
    expect(warnings[0]).toContain('step-00000001.safetensors is taken instead');
  });

  it('are refused when none can be read, and none at all is not an error', async () => {
    expect(await readNewestCheckpoint(folder, model, silentLog)).toBeNull();
    expect(await readNewestCheckpoint(join(folder, 'missing'), model, silentLog)).toBeNull();
    await save(1);
    await truncate(join(folder, 'step-00000001.safetensors'), 20);
    await expect(readNewestCheckpoint(folder, model, silentLog)).rejects.toThrow(
      expect.objectContaining({ name: 'CheckpointError', message: expect.stringContaining('None of the 1') }),
    );
  });

  it('that were never finished do not count', async () => {
    await save(1);
    await writeFile(join(folder, '.onko-1234.tmp'), 'half a checkp');
    expect((await readNewestCheckpoint(folder, model, silentLog))?.checkpoint.metadata.step).toBe(1);
  });
});
