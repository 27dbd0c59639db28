import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type ModelSpec, namedSpecs } from '../../src/engine/index.js';
import { encodeModelFile } from '../../src/store/index.js';
import { temporaryFolder } from '../store/temporary-folder.js';
import { testProgram } from '../support/program.js';
import { repository } from '../support/repository.js';
import { pythonLines } from './python.js';
import { answers, logitDifference, sampleModel } from './sample-models.js';

let python = '';
beforeAll(async () => {
  python = await testProgram('python');
});

/** The Python of docs/models.md, block by block. */
async function documentedBlocks(): Promise<string[]> {
  const text = await readFile(join(repository, 'docs/models.md'), 'utf8');
  return [...text.matchAll(/^```python\n(.*?)^```$/gms)].map(([, code]) => code ?? '');
}

/** Stands between the two blocks, where a user has images, and after them, where the answers are looked at. */
const before = (shape: number[]): string =>
  `images = np.fromfile("images.u8", "u1").reshape(${JSON.stringify([-1, ...shape])})\n`;
const after = 'print(json.dumps(logits(model, images).tolist()))\n';

const specs: (readonly [string, ModelSpec])[] = [...namedSpecs];

test.each(specs)('the code in docs/models.md runs %s with numpy alone', async (_, spec) => {
  const [definitions, use, ...rest] = await documentedBlocks();
  if (definitions === undefined || use === undefined) throw new Error('Expected two blocks of Python.');
  expect(rest).toEqual([]);
  const folder = await temporaryFolder();
  const file = sampleModel({ ...spec }, 3, 'grey');
  const { pixels, logProbabilities } = answers(file, 3);
  await writeFile(join(folder, 'model.safetensors'), encodeModelFile(file));
  await writeFile(join(folder, 'images.u8'), pixels);
  const { height, width } = file.preprocessing;
  // As a user would see it, but for a line that JSON can be read from.
  const shown = use.replace('print(classify(model, images))', 'print(json.dumps(classify(model, images)))');
  expect(shown).not.toBe(use);
  await writeFile(join(folder, 'use.py'), definitions + before([1, height, width]) + shown + after);
  const [classes, logits] = await pythonLines<unknown>(python, ['use.py'], folder);
  if (!isRows(logits)) throw new Error('Expected rows of logits.');
  expect(logitDifference(logits, logProbabilities)).toBeLessThan(1e-4);
  expect(classes).toEqual(logProbabilities.map((row) => file.classes[row.indexOf(Math.max(...row))]));
});

function isRows(value: unknown): value is number[][] {
  return Array.isArray(value) && value.every((row) => Array.isArray(row));
}
