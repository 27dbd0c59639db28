import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildModel, encodeSafetensors, namedSpecs, stateDict } from '../../src/engine/index.js';
import { decodeModelFile } from '../../src/store/index.js';
import { sampleModel } from '../exchange/sample-models.js';
import { temporaryFolder } from '../store/temporary-folder.js';
import { expectSuccess, runProgram, stackLines } from './run-program.js';

async function folderWithWeights(): Promise<{ cwd: string; parameters: Float32Array }> {
  const cwd = await temporaryFolder();
  const spec = namedSpecs.get('lenet-grey');
  if (spec === undefined) throw new Error('Expected lenet-grey.');
  const { parameters } = sampleModel(spec, 2, 'grey');
  const tensors = stateDict(buildModel(spec), parameters).map((tensor) => ({
    ...tensor,
    name: tensor.name.replace(/^(\d+)\.[a-z0-9]+/, 'net.$1'),
  }));
  await writeFile(join(cwd, 'weights.safetensors'), encodeSafetensors(tensors, { format: 'pt' }));
  await writeFile(join(cwd, 'text.safetensors'), 'no weights at all');
  return { cwd, parameters };
}

test('onko import makes a model file, and says which module became which layer', async () => {
  const { cwd, parameters } = await folderWithWeights();
  const args = ['import', 'weights.safetensors', '--model', 'lenet-grey', '--preprocessing', '{"crop":null}'];
  const ended = await runProgram('onko', args, { cwd });
  expectSuccess(ended);
  expect(ended.stdout.split('\n').slice(0, 3)).toEqual([
    'model.safetensors holds lenet-grey with these weights:',
    '  0.conv2d   net.0 [6, 1, 5, 5]',
    '  3.conv2d   net.3 [16, 6, 5, 5]',
  ]);
  const model = decodeModelFile(await readFile(join(cwd, 'model.safetensors')));
  expect(model.parameters).toEqual(parameters);
  expect(model.preprocessing).toMatchObject({ crop: null, color: 'grey', width: 32 });
  expect(model.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(model.provenance).toMatchObject({ imported: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test.each([
  ['no model named', ['weights.safetensors'], 2, /--model.*say which model the weights are of/],
  [
    'another model',
    ['weights.safetensors', '--model', 'lenet'],
    5,
    /not those of the model lenet: .*\[6, 3, 5, 5\]/,
  ],
  [
    'no safetensors',
    ['text.safetensors', '--model', 'lenet'],
    5,
    /text\.safetensors cannot be used: not a safetensors/,
  ],
  ['no file', ['other.safetensors', '--model', 'lenet'], 5, /no model file other\.safetensors/],
] as const)('%s: the code and the words for it', async (_, args, code, words) => {
  const { cwd } = await folderWithWeights();
  const ended = await runProgram('onko', ['import', ...args], { cwd });
  expect(ended.stderr).toMatch(words);
  expect(ended.code).toBe(code);
  expect(stackLines(ended.stderr)).toEqual([]);
});
