import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAugmenter } from '../../src/data/index.js';
import { referenceKernels } from '../../src/engine/index.js';
import {
  calibrate,
  classify,
  evaluatePredictions,
  runInference,
  standardViews,
  writeEvaluation,
  writePredictions,
} from '../../src/infer/index.js';
import { fileName, levelFolder, levelImage, levelModel, levelProbability } from './level-model.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-infer-'));
});
afterAll(() => rm(dir, { recursive: true }));

const common = { model: levelModel, kernels: referenceKernels, threads: 2 };
const plain = { format: 'csv', top: 1 } as const;

describe('a labelled folder', () => {
  it('is classified, compared and reported', async () => {
    const { folder, digits, labels: expected } = await levelFolder(dir, 'testing-a', 40, 4);
    const inference = await runInference({ ...common, folder, labelled: true });
    expect(inference.names).toHaveLength(40);
    expect(inference.rejects).toEqual([]);
    const { labels, probabilities } = inference;
    if (labels === null) throw new Error('labels were asked for');
    const evaluation = evaluatePredictions({ labels, probabilities, classes: levelModel.classes });
    expect(evaluation.accuracy).toBeCloseTo(36 / 40, 12);
    expect([...labels]).toEqual(expected);
    const losses = expected.map((label, i) => -Math.log(levelProbability(digits[i] ?? 0, label)));
    expect(evaluation.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 40, 3);

    const files = await writePredictions(folder, inference, levelModel.classes, plain);
    const lines = (await readFile(files.predictions, 'utf8')).split('\n');
    expect(lines[0]).toBe('filename,digit,confidence');
    const rows = lines.slice(1, -1).map((line) => line.split(','));
    expect(rows.map(([name, digit]) => [name, digit])).toEqual(
      digits.map((digit, i) => [fileName(i), String(digit)]),
    );
    for (const [i, row] of rows.entries()) {
      expect(Number(row[2])).toBeCloseTo(levelProbability(digits[i] ?? 0, digits[i] ?? 0), 4);
    }
    expect(files.rejects).toBeNull();

    const written = await writeEvaluation(
      folder,
      evaluation,
      calibrate({ labels, probabilities, classes: 10 }),
      levelModel.classes,
      { model: 'levels' },
    );
    expect(JSON.parse(await readFile(written.metrics, 'utf8'))).toMatchObject({ samples: 40, correct: 36 });
    for (const picture of [written.confusion, written.reliability]) {
      expect((await readFile(picture)).subarray(1, 4).toString()).toBe('PNG');
      expect(await readFile(picture.replace(/png$/, 'svg'), 'utf8')).toMatch(/^<svg/);
    }
  });

  it('can be classified again: what was written into it is not taken for an image', async () => {
    const { folder } = await levelFolder(dir, 'twice', 3);
    for (const [labelled, format] of [
      [true, 'csv'],
      [false, 'json'],
      [false, 'ndjson'],
      [false, 'csv'],
    ] as const) {
      const inference = await runInference({ ...common, folder, labelled });
      expect([inference.names.length, inference.rejects]).toEqual([3, []]);
      await writePredictions(folder, inference, levelModel.classes, { format, top: 1 });
      if (inference.labels === null) continue;
      const evaluation = evaluatePredictions({
        labels: inference.labels,
        probabilities: inference.probabilities,
        classes: levelModel.classes,
      });
      const { labels, probabilities } = inference;
      const calibration = calibrate({ labels, probabilities, classes: 10 });
      await writeEvaluation(folder, evaluation, calibration, levelModel.classes, {});
    }
  });
});

it('names what it could not read, and forgets it once it is repaired', async () => {
  const { folder } = await levelFolder(dir, 'damaged', 3);
  const broken = join(folder, 'img0001.png');
  await writeFile(broken, levelImage(1).subarray(0, 40));
  const inference = await runInference({ ...common, folder, labelled: false });
  expect(inference.names).toEqual(['img0000.png', 'img0002.png']);
  const { rejects } = await writePredictions(folder, inference, levelModel.classes, plain);
  expect(await readFile(rejects ?? '', 'utf8')).toMatch(/^filename,reason\nimg0001\.png,.+\n$/);

  await writeFile(broken, levelImage(1));
  const again = await writePredictions(
    folder,
    await runInference({ ...common, folder, labelled: false }),
    levelModel.classes,
    plain,
  );
  expect(again.rejects).toBeNull();
  expect(await readFile(join(folder, 'rejects.csv'), 'utf8')).toBe('filename,reason\n');
});

it('says so when no image can be used', async () => {
  const { folder } = await levelFolder(dir, 'hopeless', 1);
  await writeFile(join(folder, 'img0000.png'), '');
  const attempt = runInference({ ...common, folder, labelled: false });
  await expect(attempt).rejects.toThrow(/img0000\.png/);
  await expect(attempt).rejects.toMatchObject({ name: 'DataError' });
});

it('refuses labels that the model has no class for', async () => {
  const { folder } = await levelFolder(dir, 'few-classes', 10);
  const model = {
    ...levelModel,
    spec: {
      ...levelModel.spec,
      layers: [{ type: 'flatten' }, { type: 'linear', units: 5 }, { type: 'softmax' }],
    },
    classes: ['0', '1', '2', '3', '4'],
    parameters: new Float32Array(505),
  } satisfies typeof levelModel;
  await expect(runInference({ ...common, model, folder, labelled: true })).rejects.toThrow('knows 5 classes');
});

it('gives the same bits however many threads compute', async () => {
  const count = 1500;
  const pixels = Uint8Array.from({ length: count * 100 }, (_, i) => (i * 7919) % 256);
  const results = [];
  for (const threads of [1, 2, 5]) {
    const done: number[] = [];
    const probabilities = await classify(levelModel, pixels, count, {
      kernels: referenceKernels,
      threads,
      onChunk: (samples) => done.push(samples),
    });
    expect(done.at(-1)).toBe(count);
    results.push(Buffer.from(probabilities.buffer).toString('base64'));
  }
  expect(new Set(results).size).toBe(1);
});

it('takes the mean over an image and its views', async () => {
  const count = 600;
  const pixels = Uint8Array.from({ length: count * 100 }, (_, i) => (i * 7919) % 256);
  const given = { kernels: referenceKernels, threads: 2 };
  const views = standardViews.map((augmentation) => {
    const seen = pixels.slice();
    const { preprocessing } = levelModel;
    const augment = createAugmenter({
      augmentation,
      preprocessing,
      seed: 5,
      kernels: referenceKernels,
      capacity: count,
    });
    augment(
      seen,
      Uint32Array.from({ length: count }, (_, i) => i),
      3,
    );
    return seen;
  });
  // Nothing of a view is left to chance: seed, epoch and sample are others here.
  expect(views).toHaveLength(2);
  const apart = await Promise.all([pixels, ...views].map((seen) => classify(levelModel, seen, count, given)));
  const together = await classify(levelModel, pixels, count, { ...given, views: standardViews });
  for (const [i, p] of together.entries()) {
    expect(p).toBe(Math.fround(apart.reduce((sum, one) => sum + (one[i] ?? 0), 0) / 3));
  }
  expect(together).not.toEqual(apart[0]);
});

it('takes confidences at the temperature of the model, and keeps those without it', async () => {
  const { folder } = await levelFolder(dir, 'tempered', 8);
  const model = { ...levelModel, temperature: { value: 3, fittedOn: 'validation', samples: 99 } };
  const plainly = await runInference({ ...common, folder, labelled: true });
  const inference = await runInference({ ...common, model, folder, labelled: true });
  expect(plainly.untempered).toBe(plainly.probabilities);
  expect(inference.untempered).toEqual(plainly.probabilities);
  const powers = Array.from({ length: 10 }, (_, c) => levelProbability(0, c) ** (1 / 3));
  const expected = (powers[0] ?? 0) / powers.reduce((sum, power) => sum + power, 0);
  expect(inference.probabilities[0]).toBeCloseTo(expected, 4);
});

it('can be stopped', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const attempt = classify(levelModel, new Uint8Array(100 * 5000), 5000, {
    kernels: referenceKernels,
    threads: 1,
    onChunk: () => controller.abort(reason),
    signal: controller.signal,
  });
  await expect(attempt).rejects.toBe(reason);
});

it('says in one sentence that the output cannot be written', async () => {
  const { folder } = await levelFolder(dir, 'unwritable', 1);
  const inference = await runInference({ ...common, folder, labelled: false });
  const inTheWay = join(dir, 'a-file');
  await writeFile(inTheWay, '');
  await expect(
    writePredictions(join(inTheWay, 'x'), inference, levelModel.classes, plain),
  ).rejects.toMatchObject({
    name: 'OutputError',
  });
  expect((await stat(inTheWay)).isFile()).toBe(true);
});
