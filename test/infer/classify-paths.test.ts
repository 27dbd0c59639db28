import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { referenceKernels } from '../../src/engine/index.js';
import { classifyPaths, guesses, runInference } from '../../src/infer/index.js';
import { levelFolder, levelModel } from './level-model.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-paths-'));
});
afterAll(() => rm(dir, { recursive: true }));

const common = { model: levelModel, kernels: referenceKernels, threads: 2 };
const bitsOf = (values: Float32Array): string[] =>
  Array.from({ length: values.length / 10 }, (_, i) =>
    Buffer.from(values.slice(i * 10, (i + 1) * 10).buffer).toString('hex'),
  );

it('gives each image the bits that it has in its folder, whatever its neighbours are', async () => {
  const { folder } = await levelFolder(dir, 'same', 45);
  const { names, probabilities } = await runInference({ ...common, folder, labelled: false });
  const paths = names.map((name) => join(folder, name));
  const expected = bitsOf(probabilities);

  const backwards = await classifyPaths(paths.toReversed(), common);
  expect(bitsOf(backwards.probabilities)).toEqual(expected.toReversed());
  const some = [3, 44, 17];
  const alone = await Promise.all(some.map((i) => classifyPaths([paths[i]], common)));
  expect(alone.map((one) => bitsOf(one.probabilities))).toEqual(some.map((i) => [expected[i]]));
  const missing = join(folder, 'missing.png');
  const among = await classifyPaths([missing, paths[3], missing, paths[44], paths[17], missing], common);
  expect(bitsOf(among.probabilities)).toEqual(some.map((i) => expected[i]));
});

it('says of each path why it could not be classified, and goes on with the others', async () => {
  const { folder, digits } = await levelFolder(dir, 'mixed', 2);
  const at = (name: string): string => join(folder, name);
  await writeFile(at('text.png'), 'no picture');
  await mkdir(at('folder.png'));
  // Opening it would wait for a writer, for ever.
  execFileSync('mkfifo', [at('pipe.png')]);
  const paths = ['img0001.png', 'text.png', 'folder.png', 'pipe.png', 'none.png', 'img0000.png'].map(at);
  const { reasons, probabilities } = await classifyPaths(paths, common);
  expect(reasons).toEqual([
    null,
    expect.stringMatching(/./),
    'it is a folder; a file was expected',
    'it is no regular file',
    'the file cannot be read (ENOENT)',
    null,
  ]);
  expect([...guesses(probabilities, 10)]).toEqual([digits[1], digits[0]]);
});

it('has no probabilities where nothing can be read', async () => {
  const { reasons, probabilities } = await classifyPaths([join(dir, 'none.png')], common);
  expect(reasons).toEqual(['the file cannot be read (ENOENT)']);
  expect(probabilities).toHaveLength(0);
});
