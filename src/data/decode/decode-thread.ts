import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ImageError } from '../errors.js';
import { preprocess } from '../preprocess/preprocess.js';
import { decodeImage } from './decode.js';
import { maxFileBytes, tooManyBytes } from './header.js';
import type { DecodeAnswer, DecodeRecipe, DecodeRequest } from './thread-messages.js';

/** Entry of a decode thread: files in, samples out, one request after the other. A bad file is an answer, not an error. */
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread.');
const { preprocessing, sampleBytes }: DecodeRecipe = workerData;

async function decodeFile(path: string, sample: Uint8Array): Promise<string | null> {
  try {
    sample.set(preprocess(await decodeImage(readBounded(path)), preprocessing));
    return null;
  } catch (error) {
    if (error instanceof ImageError) return error.reason;
    if (error instanceof Error && 'code' in error) return `the file cannot be read (${String(error.code)})`;
    return `decoding failed (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** The whole file, unless its size alone rules it out. */
function readBounded(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > maxFileBytes) throw tooManyBytes(size);
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const count = readSync(file, bytes, filled, size - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}

async function decodeAll({ id, paths }: DecodeRequest): Promise<DecodeAnswer> {
  const pixels = new Uint8Array(paths.length * sampleBytes);
  const reasons: (string | null)[] = [];
  for (const [index, path] of paths.entries()) {
    reasons.push(await decodeFile(path, pixels.subarray(index * sampleBytes, (index + 1) * sampleBytes)));
  }
  return { id, pixels, reasons };
}

async function onRequest(request: DecodeRequest, to: MessagePort): Promise<void> {
  const answer = await decodeAll(request);
  to.postMessage(answer, [answer.pixels.buffer]);
}

port.on('message', (request: DecodeRequest) => void onRequest(request, port));
