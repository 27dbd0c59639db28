import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModelFile } from '../../src/store/index.js';
import { fileName, levelFolder, levelModel } from '../infer/level-model.js';
import { type Ended, expectSuccess, runProgram, stackLines } from './run-program.js';

let dir = '';
let digits: number[] = [];
/** Lines of the folder's own predictions.csv, by file name. */
let folderRows = new Map<string, string>();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-infer-paths-'));
  ({ digits } = await levelFolder(dir, 'scans', 12));
  await writeFile(join(dir, 'broken.png'), 'no picture');
  await writeFile(join(dir, 'model.safetensors'), encodeModelFile(levelModel));
  expectSuccess(await infer(['scans', '--out', 'expected']));
  const table = await readFile(join(dir, 'expected', 'predictions.csv'), 'utf8');
  folderRows = new Map(table.split('\n').map((line) => [line.split(',')[0] ?? '', line]));
});
afterAll(() => rm(dir, { recursive: true }));

function infer(args: string[], input?: (stdin: Writable) => void): Promise<Ended> {
  return runProgram('cnn-infer', [...args, '--model', 'model.safetensors'], {
    cwd: dir,
    ...(input === undefined ? {} : { input }),
  });
}
const scan = (index: number): string => `scans/${fileName(index)}`;
/** The line of a scan as its folder has it, under its path. */
const rowOf = (index: number): string => `scans/${folderRows.get(fileName(index))}`;

it('classifies files in the order given, as their folder does; what cannot be read is a reject', async () => {
  const ended = await infer([scan(7), 'broken.png', scan(2), 'missing.png']);
  expectSuccess(ended);
  expect(ended.stdout).toBe(`filename,digit,confidence\n${rowOf(7)}\n${rowOf(2)}\n`);
  expect(ended.stderr).toMatch(/rejected.*broken\.png/);
  expect(ended.stderr).toMatch(/rejected.*missing\.png.*ENOENT/);
  expect(ended.stderr).toMatch(/classified=2.*rejected=2/);
});

it('writes JSON, with the most probable digits and the rejects among them, as the folder does', async () => {
  const options = ['--format', 'json', '--top', '3'];
  const [files, folder] = await Promise.all([
    infer([scan(4), 'broken.png', scan(1), ...options]),
    infer(['scans', '--out', 'as-json', ...options]),
  ]);
  expectSuccess(files);
  expectSuccess(folder);
  const ofFolder: { filename: string; top: unknown[] }[] = JSON.parse(
    await readFile(join(dir, 'as-json', 'predictions.json'), 'utf8'),
  );
  const expected = [4, 1].map((i) => ({ ...ofFolder[i], filename: scan(i) }));
  expect(expected.map(({ top }) => top)).toEqual([
    expect.objectContaining({ length: 3 }),
    expect.objectContaining({ length: 3 }),
  ]);
  const rejected = { filename: 'broken.png', reason: expect.stringMatching(/./) };
  expect(JSON.parse(files.stdout)).toEqual([expected[0], rejected, expected[1]]);
});

/** Below 0.97: 0 and 9 have one neighbour each and are surer than the others, 0.982 against 0.965. */
const unsure = (): number[] => digits.flatMap((digit, i) => (digit === 0 || digit === 9 ? [] : [i]));

/** Rows of a review.csv, and of these the confidences. */
const listed = async (...path: string[]): Promise<string[][]> => {
  const table = await readFile(join(dir, ...path, 'review.csv'), 'utf8');
  const lines = table.trimEnd().split('\n');
  return lines.map((line) => line.split(','));
};
const confidences = (rows: string[][]): number[] => rows.map(([, , confidence]) => Number(confidence));

describe('--review', () => {
  const withReview = ['--review', '0.97', '--top', '2'];

  it('lists what is below in a folder, least certain first', async () => {
    const ended = await infer(['scans', '--out', 'reviewed', ...withReview]);
    expectSuccess(ended);
    expect(ended.stdout).toContain(`to review    ${unsure().length} below 0.97, see reviewed/review.csv`);
    const [head, ...rows] = await listed('reviewed');
    expect(head).toEqual(['filename', 'digit', 'confidence', 'digit2', 'confidence2']);
    expect(rows.map(([name]) => name).toSorted()).toEqual(unsure().map(fileName));
    expect(confidences(rows)).toEqual(confidences(rows).toSorted((a, b) => a - b));
  });

  it('of a stream lists the same under its paths, in --out; a list of before is not left there', async () => {
    const ended = await infer(['-', '--out', 'reviewed-stream', ...withReview], (stdin) =>
      stdin.end(digits.map((_, i) => scan(i)).join('\n')),
    );
    expectSuccess(ended);
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(digits.length + 1);
    expect(ended.stderr).toMatch(
      new RegExp(`to review.*count=${unsure().length}.*reviewed-stream/review\\.csv`),
    );
    const [, ...rows] = await listed('reviewed-stream');
    expect(rows.map(([name]) => name).toSorted()).toEqual(unsure().map(scan));

    expectSuccess(await infer([scan(0), '--out', 'reviewed-stream', '--review', '0.5']));
    expect(await listed('reviewed-stream')).toEqual([['filename', 'digit', 'confidence']]);
  });

  it('finds out before it classifies that the list cannot be written', async () => {
    const ended = await infer([scan(0), '--review', '0.9', '--out', 'broken.png/x']);
    expect(ended).toMatchObject({ code: 7, stdout: '' });
  });
});

it('leaves nothing behind beside a single file', async () => {
  const before = await readdir(join(dir, 'scans'));
  const ended = await infer([scan(5)]);
  expectSuccess(ended);
  expect(ended.stdout).toBe(`filename,digit,confidence\n${rowOf(5)}\n`);
  expect(ended.stdout).toContain(`,${digits[5]},`);
  expect(await readdir(join(dir, 'scans'))).toEqual(before);
});

it('answers paths on standard input as they come, before the stream ends', async () => {
  let wanted: Writable | null = null;
  let asked = 1;
  const ended = await runProgram('cnn-infer', ['-', '--model', 'model.safetensors', '--log-level', 'error'], {
    cwd: dir,
    input: (stdin) => {
      wanted = stdin;
      stdin.write(`${scan(0)}\n`);
    },
    // Each path is sent only when the one before has its answer.
    onOutput: (text) => {
      if (!text.endsWith(`${rowOf(asked - 1)}\n`)) return;
      if (asked === 3) wanted?.end();
      else wanted?.write(`${scan(asked++)}\n`);
    },
  });
  expect(ended).toEqual({
    code: 0,
    stdout: `filename,digit,confidence\n${rowOf(0)}\n${rowOf(1)}\n${rowOf(2)}\n`,
    stderr: '',
  });
});

it('takes paths with a zero byte after each, whatever else is in them', async () => {
  const odd = 'a line\r\nand another\r.png';
  await copyFile(join(dir, scan(3)), join(dir, odd));
  const args = ['-', '-0', '--format', 'ndjson', '--log-level', 'error'];
  const ended = await infer(args, (stdin) => stdin.end(`${scan(0)}\0${odd}\0`));
  expectSuccess(ended);
  const lines = ended.stdout.trimEnd().split('\n');
  const answers: { filename: string; digit: string }[] = lines.map((line) => JSON.parse(line));
  expect(answers.map(({ filename }) => filename)).toEqual([scan(0), odd]);
  expect(answers.map(({ digit }) => digit)).toEqual([String(digits[0]), String(digits[3])]);
});

it('takes a long stream in batches', async () => {
  const count = 4500;
  const ended = await infer(['-', '--log-level', 'error'], (stdin) => {
    stdin.end(
      Array.from({ length: count }, (_, i) => (i % 1000 === 999 ? 'gone.png' : scan(i % 12))).join('\n'),
    );
  });
  expect(ended.code).toBe(0);
  const lines = ended.stdout.trimEnd().split('\n').slice(1);
  const expected = Array.from({ length: count }, (_, i) => i).filter((i) => i % 1000 !== 999);
  expect(lines).toEqual(expected.map((i) => rowOf(i % 12)));
});

it('ends in order on Ctrl-C while it waits for paths', async () => {
  let isSent = false;
  const ended = await runProgram('cnn-infer', ['-', '--model', 'model.safetensors'], {
    cwd: dir,
    input: (stdin) => stdin.write(`${scan(0)}\n`),
    onOutput: (text, kill) => {
      if (isSent || !text.includes(rowOf(0))) return;
      isSent = true;
      kill('SIGINT');
    },
  });
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({
    code: 130,
    stdout: `filename,digit,confidence\n${rowOf(0)}\n`,
  });
  expect(stackLines(ended.stderr)).toEqual([]);
});

describe('what cannot be', () => {
  it.each([
    {
      args: ['broken.png'],
      input: '',
      code: 3,
      says: /Nothing could be classified: 1 rejected.*broken\.png/,
    },
    { args: ['-'], input: '\n\n', code: 3, says: /No path came on standard input/ },
    { args: ['-'], input: 'x'.repeat(300_000), code: 3, says: /paths of images were expected/ },
    { args: ['-', 'broken.png'], input: '', code: 2, says: /stands alone/ },
    { args: ['broken.png', '--eval'], input: '', code: 2, says: /--eval belongs to a folder/ },
    { args: ['scans', '--top', '11'], input: '', code: 2, says: /--top is 11.*knows 10 classes/ },
    { args: [scan(0), '--format', 'xml'], input: '', code: 2, says: /one of csv, json, ndjson, got "xml"/ },
    { args: ['scans', '--null'], input: '', code: 2, says: /--null belongs to paths on standard input/ },
    { args: [scan(0), '-0'], input: '', code: 2, says: /--null belongs to paths on standard input/ },
    { args: ['-', '--out', 'x'], input: '', code: 2, says: /--out belongs to a folder/ },
  ])('$args', async ({ args, input, code, says }) => {
    const ended = await infer(args, (stdin) => stdin.end(input));
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(says);
    expect(stackLines(ended.stderr)).toEqual([]);
  });
});
