import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosenRecipe } from '../../src/cli/chosen-recipe.js';
import { defineCommand } from '../../src/cli/define.js';
import { resolveOptions, type Sources } from '../../src/cli/options/resolve.js';
import { trainTable } from '../../src/cli/options/tables.js';
import { recipes } from '../../src/cli/recipes.js';
import { storedRun } from '../../src/cli/stored-run.js';
import { trainingSpecOf } from '../../src/cli/training-spec.js';
import { readModelFile } from '../../src/store/index.js';
import { writeTinyRun } from '../support/tiny-run.js';
import { expectSuccess, runProgram } from './run-program.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-craft-'));
  await writeTinyRun(dir, {
    options: {
      lr: 0.05,
      epochs: 6,
      validate: 0.2,
      augmentation: { preset: 'strong', invert: 0.2 },
      labelSmoothing: 0.1,
      classWeights: 'balanced',
      averaging: 0.9,
      keep: 'best',
      patience: 4,
    },
  });
});
afterAll(() => rm(dir, { recursive: true }));

const train = (run: string, ...more: string[]) =>
  runProgram('onko', ['train', '--out', `runs/${run}`, ...more], { cwd: dir });
const modelOf = (run: string) => readModelFile(join(dir, 'runs', run, 'model.safetensors'));
const bits = async (run: string): Promise<Buffer> => {
  const { parameters } = await modelOf(run);
  return Buffer.from(parameters.buffer, parameters.byteOffset, parameters.byteLength);
};
const bytesOf = (run: string) => readFile(join(dir, 'runs', run, 'model.safetensors'));

describe('augmentation, smoothing, weights, averaging and the best epoch at once', {
  timeout: 240_000,
}, () => {
  it('give the same model from one worker, from three, and after a stop', async () => {
    const one = await train('one', '--workers', '1');
    expectSuccess(one);
    expect(one.stdout).toContain(', the best by validation');
    expect((await train('three', '--workers', '3')).code).toBe(0);
    expect((await bytesOf('three')).equals(await bytesOf('one'))).toBe(true);

    let sent = false;
    const stopped = await runProgram('onko', ['train', '--out', 'runs/stopped', '--workers', '2'], {
      cwd: dir,
      onOutput: (text, kill) => {
        if (sent || !text.includes('Epoch 3 of')) return;
        sent = true;
        kill('SIGTERM');
      },
    });
    expect(stopped.code).toBe(143);
    await writeFile(join(dir, 'resume.json'), '{"data": "."}');
    const resumed = await train('stopped', '--config', 'resume.json', '--resume', '--workers', '1');
    expectSuccess(resumed);
    expect((await bytesOf('stopped')).equals(await bytesOf('one'))).toBe(true);
  });

  it('reach the workers: without one of them the parameters are others', async () => {
    const whole = await bits('one');
    const without: [string, string][] = [
      ['--augmentation', 'none'],
      ['--label-smoothing', '0'],
      ['--class-weights', 'none'],
    ];
    for (const [option, value] of without) {
      const trained = await train(`without${option}`, '--workers', '1', option, value);
      expect({ option, code: trained.code }).toEqual({ option, code: 0 });
      expect((await bits(`without${option}`)).equals(whole), option).toBe(false);
    }
  });

  it('are refused where they cannot be, before any image is read', async () => {
    const cases: [string[], string][] = [
      [['--validate', 'none'], 'nothing to choose by'],
      [['--augmentation', 'afine'], 'There is no augmentation named "afine"'],
      [['--class-weights', '1,2,3'], 'Expected 10 class weights'],
      [['--label-smoothing', '1'], 'label-smoothing'],
      [['--averaging', '1'], 'averaging'],
      [['--recipe', 'cake'], 'expected one of lenet'],
    ];
    for (const [args, message] of cases) {
      const refused = await train('refused', ...args);
      expect({ args, code: refused.code }).toEqual({ args, code: 2 });
      expect(refused.stderr).toContain(message);
      expect(refused.stderr.trim().split('\n').at(-1)).not.toMatch(/^\s+at /);
    }
  });
});

it('shows what an augmentation does', async () => {
  const args = ['dataset', 'preview', '--data', '.', '--folder', 'training-a', '--out', 'sheet.png'];
  const shown = await runProgram('onko', [...args, '--rows', '3', '--columns', '2'], { cwd: dir });
  expectSuccess(shown);
  expect(shown.stdout).toBe('sheet.png shows 3 images, each with 2 versions beside it.\n');
  const png = await readFile(join(dir, 'sheet.png'));
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  // Three columns of tiles of 112 with gaps of 8, within margins of 20.
  expect(png.readUInt32BE(16)).toBe(2 * 20 + 3 * 120 - 8);
  const nothing = await runProgram('onko', [...args, '--augmentation', 'none'], { cwd: dir });
  expect(nothing.code).toBe(2);
  expect((await stat(join(dir, 'sheet.png'))).isFile()).toBe(true);
});

const given = (flags: Record<string, unknown>, stored: Record<string, unknown> = {}): Sources => ({
  flags: { data: 'd', train: 'training-a', ...flags },
  env: {},
  config: null,
  stored,
});

/** As `define.ts` puts them together. */
const optionsOf = async (flags: Record<string, unknown>, stored: Record<string, unknown> = {}) => {
  let values: unknown;
  const command = defineCommand({
    words: 'train',
    summary: '',
    description: '',
    operand: null,
    examples: [],
    table: trainTable,
    stored: async () => stored,
    recipe: chosenRecipe,
    load: async () => async (resolved) => {
      values = resolved;
      return 0;
    },
  });
  // The session is not looked at.
  const run = await command.prepare(given(flags));
  await Reflect.apply(run, undefined, [null]);
  return values;
};

describe('a recipe', () => {
  it.each([...recipes.keys()])('%s is a set of options that make a run', async (name) => {
    const sources = { ...given({}), recipe: recipes.get(name) ?? null };
    const values = resolveOptions(trainTable, sources);
    const spec = await trainingSpecOf(values, 1);
    expect(spec.epochs).toBe(recipes.get(name)?.values['epochs']);
    for (const key of Object.keys(recipes.get(name)?.values ?? {})) expect(trainTable).toHaveProperty(key);
  });

  it('stands behind what is given, and before the defaults', async () => {
    const recipe = recipes.get('lenet')?.values ?? {};
    expect(await optionsOf({ recipe: 'lenet' })).toMatchObject({
      epochs: recipe['epochs'],
      lr: recipe['lr'],
    });
    expect(await optionsOf({ recipe: 'lenet', epochs: '3' })).toMatchObject({ epochs: 3, lr: recipe['lr'] });
    expect(await optionsOf({ recipe: 'lenet', augmentation: 'none' })).toMatchObject({ augmentation: null });
    expect(await optionsOf({})).toMatchObject({ epochs: 10, augmentation: null });
  });

  it('is not looked at by a run that is gone on with: it has its options', async () => {
    const stored = { epochs: 7, augmentation: null };
    expect(await optionsOf({ recipe: 'lenet' }, stored)).toMatchObject({ epochs: 7, augmentation: null });
  });
});

describe('another mode', () => {
  const chosen = {
    data: '.',
    train: 'a',
    batch: '128',
    microshards: '8',
    mode: 'local-sgd',
    localSteps: '4',
    replicas: '2',
    outerLr: '0.9',
    weightsDtype: 'bf16',
    gradients: 'int8',
  };
  const none: Sources = { flags: {}, env: {}, config: null, stored: {} };

  it('is taken up again by --resume as it was, whatever the number of workers is now', async () => {
    const spec = await trainingSpecOf(resolveOptions(trainTable, { ...none, flags: chosen }), 2);
    expect(spec).toMatchObject({
      microshards: 2,
      mode: { type: 'local-sgd', localSteps: 4, replicas: 2, outer: { learningRate: 0.9 } },
      weightsDtype: 'bf16',
      gradients: { type: 'int8', blocks: 2 },
    });
    const out = join(dir, 'stored-mode');
    await mkdir(out);
    await writeFile(join(out, 'run.json'), JSON.stringify({ spec }));
    const resuming = { ...none, flags: { resume: true, out, data: '.' } };
    const stored = await storedRun(resuming);
    expect(await trainingSpecOf(resolveOptions(trainTable, { ...resuming, stored }), 7)).toEqual(spec);
  });

  it('is asynchronous if asked for, with its bound, one block a batch, and what it costs in the spec', async () => {
    const flags = { data: '.', train: 'a', mode: 'async', staleness: '3', gradients: 'int8' };
    const spec = await trainingSpecOf(resolveOptions(trainTable, { ...none, flags }), 4);
    expect(spec).toMatchObject({
      mode: { type: 'async', staleness: 3, reproducible: false },
      gradients: { type: 'int8', blocks: 1 },
    });
    const out = join(dir, 'stored-async');
    await mkdir(out);
    await writeFile(join(out, 'run.json'), JSON.stringify({ spec }));
    const resuming = { ...none, flags: { resume: true, out, data: '.' } };
    const stored = await storedRun(resuming);
    expect(await trainingSpecOf(resolveOptions(trainTable, { ...resuming, stored }), 7)).toEqual(spec);
  });

  it('that thins gradients out says in the spec that its bits depend on the cluster, and is taken up again so', async () => {
    const flags = { ...chosen, gradients: 'topk', gradientDensity: '0.05' };
    const spec = await trainingSpecOf(resolveOptions(trainTable, { ...none, flags }), 2);
    expect(spec).toMatchObject({
      gradients: { type: 'topk', density: 0.05, blocks: 2, reproducible: false },
    });
    const out = join(dir, 'stored-topk');
    await mkdir(out);
    await writeFile(join(out, 'run.json'), JSON.stringify({ spec }));
    const resuming = { ...none, flags: { resume: true, out, data: '.' } };
    const stored = await storedRun(resuming);
    expect(await trainingSpecOf(resolveOptions(trainTable, { ...resuming, stored }), 7)).toEqual(spec);
  });

  it('has as many blocks as workers are waited for, a power of two, from 2 to the microshards', async () => {
    const flags = { data: '.', train: 'a', gradients: 'fp16', microshards: '4' };
    const blocksFor = async (workers: number): Promise<number | undefined> =>
      (await trainingSpecOf(resolveOptions(trainTable, { ...none, flags }), workers)).gradients?.blocks;
    expect(await Promise.all([1, 2, 3, 4, 9].map(blocksFor))).toEqual([2, 2, 4, 4, 4]);
  });
});
