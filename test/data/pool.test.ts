import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Decoded, type DecodeOptions, decodeFiles } from '../../src/data/decode/pool.js';
import { defaultPreprocessing as preprocessing } from '../../src/data/index.js';
import { temporaryFolder, writeFigures } from './support.js';

let root: string;
let dispose: () => Promise<void>;

beforeEach(async () => {
  ({ path: root, dispose } = await temporaryFolder());
});

afterEach(() => dispose());

async function decodeAll(paths: string[], options: Partial<DecodeOptions> = {}): Promise<Decoded[]> {
  const results: Decoded[] = [];
  for await (const decoded of decodeFiles(paths, { preprocessing, threads: 2, ...options }))
    results.push(decoded);
  return results;
}

function refuseThread(): never {
  throw new Error('No thread was needed.');
}

test('no files need no thread', async () => {
  expect(await decodeAll([], { startThread: refuseThread })).toEqual([]);
});

test('results come in the order of the files, errors in their places', async () => {
  const paths = (await writeFigures(root, 'set-a', 100)).map((name) => join(root, 'set-a', name));
  await writeFile(paths[50], 'broken');
  const missing = join(root, 'set-a', 'nothing.png');
  const results = await decodeAll([...paths, missing], { threads: 3 });
  const alone = await decodeAll([paths[99]]);
  expect(results[99]).toEqual(alone[0]);
  expect(results[50].reason).toMatch(/^not an image/);
  expect(results[100].reason).toBe('the file cannot be read (ENOENT)');
  expect(results.filter(({ pixels }) => pixels === null)).toHaveLength(2);
});

test('a file that kills its thread is rejected alone, and the thread replaced', async () => {
  // Stands for a fault in native code or a thread out of memory: it dies on every file called "deadly".
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    parentPort.on('message', ({ id, paths }) => {
      if (paths.some((path) => path.includes('deadly'))) throw new Error('out of memory');
      const pixels = new Uint8Array(paths.length * workerData.sampleBytes).fill(7);
      parentPort.postMessage({ id, pixels, reasons: paths.map(() => null) });
    });`;
  let started = 0;
  const startThread: DecodeOptions['startThread'] = (workerData) => {
    started += 1;
    return new Worker(source, { eval: true, workerData });
  };
  const paths = Array.from({ length: 100 }, (_, i) => (i === 40 ? 'deadly' : `file-${i}`));
  const results = await decodeAll(paths, { startThread });
  expect(results).toHaveLength(100);
  expect(results[40].reason).toBe('decoding it ended its thread (out of memory)');
  expect(results.filter(({ reason }) => reason === null)).toHaveLength(99);
  expect(started).toBeLessThanOrEqual(4);
});

test('an aborted signal stops at once, before and during', async () => {
  const paths = (await writeFigures(root, 'set-a', 200)).map((name) => join(root, 'set-a', name));
  await expect(decodeAll(paths, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
    'before',
  );
  const controller = new AbortController();
  const decoding = decodeFiles(paths, { preprocessing, threads: 1, signal: controller.signal });
  await decoding.next();
  controller.abort(new Error('during'));
  const rest = async (): Promise<void> => {
    for (let result = await decoding.next(); result.done !== true; ) result = await decoding.next();
  };
  await expect(rest()).rejects.toThrow('during');
});
