import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toOnnx } from '../../src/exchange/index.js';
import { encodeModelFile } from '../../src/store/index.js';
import { everyLayer, sampleModel } from '../exchange/sample-models.js';
import { temporaryFolder } from '../store/temporary-folder.js';
import { expectSuccess, runProgram, stackLines } from './run-program.js';

const model = sampleModel(everyLayer, 1, 'rgb');

async function folderWithModel(): Promise<string> {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'model.safetensors'), encodeModelFile(model));
  return cwd;
}

test('onko export writes the ONNX file, and says what it takes and gives', async () => {
  const cwd = await folderWithModel();
  const ended = await runProgram('onko', ['export', 'model.safetensors', '--onnx', 'model.onnx'], { cwd });
  expectSuccess(ended);
  expect(ended.stdout).toBe(
    'model.onnx takes input [N, 3, 12, 12] and gives logits and probabilities [N, 5].\n',
  );
  const version: string = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  ).version;
  expect(new Uint8Array(await readFile(join(cwd, 'model.onnx')))).toEqual(
    new Uint8Array(toOnnx(model, version)),
  );
});

test.each([
  ['no file to write', ['model.safetensors'], 2, /--onnx.*say which file to write/],
  ['no model', ['other.safetensors', '--onnx', 'a.onnx'], 5, /no model file other\.safetensors/],
  ['no folder', ['model.safetensors', '--onnx', 'there/a.onnx'], 7, /Cannot write there\/a\.onnx/],
  ['a folder in its place', ['model.safetensors', '--onnx', 'folder'], 7, /Cannot write folder/],
] as const)('%s: the code and the words for it', async (_, args, code, words) => {
  const cwd = await folderWithModel();
  await mkdir(join(cwd, 'folder'));
  const ended = await runProgram('onko', ['export', ...args], { cwd });
  expect(ended.stderr).toMatch(words);
  expect(ended.code).toBe(code);
  expect(stackLines(ended.stderr)).toEqual([]);
});
