import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeModelFile, encodeModelFile, type ModelFile, readModelFile } from '../../src/store/index.js';
import { fileName, levelModel } from '../infer/level-model.js';
import { expectSuccess, runProgram, stackLines } from './run-program.js';

/** Sure of everything, by 99.7 %: class d is an image whose row d is white. */
const model: ModelFile = {
  ...levelModel,
  provenance: { training_spec: JSON.stringify({ trainFolders: ['training-a'] }) },
  parameters: Float32Array.from({ length: 10 * 100 + 10 }, (_, i) => {
    const [unit, row] = [Math.floor(i / 100), Math.floor((i % 100) / 10)];
    return unit === row && i < 1000 ? 0.8 : 0;
  }),
};

/** `DIR/NAME` of such images, and labels of which the first `wrong` are others. */
async function rowFolder(name: string, count: number, wrong = 0): Promise<void> {
  const folder = join(dir, name);
  await mkdir(folder);
  const rows = ['filename,digit'];
  for (let i = 0; i < count; i++) {
    const png = new PNG({ width: 10, height: 10 });
    for (let p = 0; p < 100; p++) {
      const value = Math.floor(p / 10) === i % 10 ? 255 : 0;
      png.data.set([value, value, value, 255], 4 * p);
    }
    await writeFile(join(folder, fileName(i)), PNG.sync.write(png, { colorType: 0 }));
    rows.push(`${fileName(i)},${i < wrong ? (i + 3) % 10 : i % 10}`);
  }
  await writeFile(`${folder}.csv`, `${rows.join('\n')}\n`);
}

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-calibrate-'));
  await rowFolder('training-a', 60);
  await rowFolder('training-b', 80, 20);
  await rowFolder('testing-a', 40, 10);
  await rowFolder('few', 49);
  await writeFile(join(dir, 'model.safetensors'), encodeModelFile(model));
});
afterAll(() => rm(dir, { recursive: true }));

const calibrate = (...args: string[]) => runProgram('onko', ['calibrate', ...args], { cwd: dir });

it('makes a model as sure as it is right, and changes no guess', async () => {
  const ended = await calibrate('model.safetensors', '--folder', 'training-b/', '--out', 'new.safetensors');
  expectSuccess(ended);
  expect(ended.stdout).toMatch(
    /^new\.safetensors takes its confidences at temperature [\d.]+, fitted on 80 images of training-b\./,
  );
  const fitted = await readModelFile(join(dir, 'new.safetensors'));
  expect(fitted).toEqual({
    ...model,
    temperature: { value: expect.any(Number), fittedOn: 'training-b', samples: 80 },
  });
  const errors = /calibration error ([\d.]+) % at temperature [\d.]+; ([\d.]+) % without it/;
  const [, after, before] = errors.exec(ended.stdout) ?? [];
  expect(Number(before)).toBeGreaterThan(15);
  expect(Number(after)).toBeLessThan(3);

  // On images that it was not fitted on, with the page that tells both.
  const args = ['testing-a', '--eval', '--report', 'report.html', '--model'];
  const [plain, tempered] = [
    await runProgram('cnn-infer', [...args, 'model.safetensors', '--out', 'plain'], { cwd: dir }),
    await runProgram('cnn-infer', [...args, 'new.safetensors', '--out', 'tempered'], { cwd: dir }),
  ];
  expectSuccess(plain);
  expectSuccess(tempered);
  expect(plain.stdout).toMatch(/calibration error [\d.]+ % {2}\(/);
  expect(tempered.stdout).toMatch(errors);
  const digits = async (out: string): Promise<string[]> =>
    (await readFile(join(dir, out, 'predictions.csv'), 'utf8'))
      .split('\n')
      .map((row) => row.split(',')[1] ?? '');
  expect(await digits('tempered')).toEqual(await digits('plain'));
  const metrics = JSON.parse(await readFile(join(dir, 'tempered/evaluation/metrics.json'), 'utf8'));
  expect(metrics.temperature).toEqual(fitted.temperature);
  expect(metrics.calibration.ece).toBeLessThan(metrics.withoutTemperature.ece / 3);
  const report = await readFile(join(dir, 'report.html'), 'utf8');
  expect(report).toContain('fitted on 80 images of training-b');
  expect(report).toMatch(/aria-label="Reliability diagram: [^"]+ before the temperature/);
  expect(report.match(/class="before"/g)?.length).toBeGreaterThan(0);
});

it('may write over the model, gives the same bytes again, and warns of images that the model knows', async () => {
  await writeFile(join(dir, 'own.safetensors'), encodeModelFile(model));
  const args = ['own.safetensors', '--folder', 'training-a', '--out', 'own.safetensors'];
  const first = await calibrate(...args);
  expectSuccess(first);
  expect(first.stderr).toMatch(/trained on a folder of the name training-a/);
  const bytes = await readFile(join(dir, 'own.safetensors'));
  expectSuccess(await calibrate(...args, '--threads', '1'));
  expect(await readFile(join(dir, 'own.safetensors'))).toEqual(bytes);
  expect(decodeModelFile(bytes).temperature?.value).toBeGreaterThan(0);
});

it.each([
  [['model.safetensors', '--out', 'x'], 2, /say which labelled folder/],
  [['model.safetensors', '--folder', 'training-b'], 2, /say which model file to write/],
  [['model.safetensors', '--folder', 'few', '--out', 'x'], 3, /at least 50 labelled images.*few has 49/],
  [['model.safetensors', '--folder', 'nowhere', '--out', 'x'], 3, /nowhere/],
  [['gone.safetensors', '--folder', 'training-b', '--out', 'x'], 5, /no model file gone/],
  [['model.safetensors', '--folder', 'training-b', '--out', 'no/x'], 7, /Cannot write no\/x/],
] as const)('%j is refused in words', async (args, code, words) => {
  const ended = await calibrate(...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toMatch(words);
  expect(stackLines(ended.stderr)).toEqual([]);
});
