import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Progress } from '../types.js';
import type { DrawReply, DrawRequest, DrawThreadData } from './draw-thread.js';
import { codeOf, DemoSetError, outputError } from './errors.js';
import { csvOf, defaultPerFolder, type FolderPlan, planFolders } from './layout.js';

export interface DemoSetOptions {
  /** Created if missing; receives the folders and a CSV beside each. */
  folder: string;
  /** 0 … 2³²−1. The same seed gives the same bytes, whatever the number of threads. */
  seed: number;
  /** The folders and how many images each gets; default training-a 2000, training-b 800, testing-a 500. */
  perFolder?: Record<string, number>;
  /** Drawing threads; default 2. The bytes do not depend on it. */
  threads?: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}

/** Raise it when the same seed draws different pictures: sets of an older drawing are then drawn again. */
const drawingVersion = 1;
const imagesPerRequest = 20;

/** The note left in the folder: what was drawn, so that nothing else is ever overwritten and nothing is drawn twice. */
const noteSchema = z.object({
  onkoDemoSet: z.number(),
  seed: z.number(),
  perFolder: z.record(z.string(), z.number()),
  complete: z.boolean(),
});
type Note = z.infer<typeof noteSchema>;

/**
 * Draws Bengali digits as if by hand, in folders shaped like NumtaDB's. A folder that already holds the very same set is
 * left as it is; one that holds another demo set is replaced; anything else there is never touched.
 * @throws DemoSetError if a folder or CSV of that name is there and is not a demo set, or the counts make no sense;
 *         DemoOutputError if it cannot be written; the signal's reason if aborted
 */
export async function generateDemoSet(o: DemoSetOptions): Promise<void> {
  const perFolder = o.perFolder ?? defaultPerFolder;
  const plans = planFolders(o.seed, perFolder);
  const total = plans.reduce((sum, plan) => sum + plan.images.length, 0);
  const note: Note = { onkoDemoSet: drawingVersion, seed: o.seed, perFolder, complete: false };
  try {
    o.signal?.throwIfAborted();
    const found = await readNote(o.folder);
    if (found !== null && JSON.stringify(found) === JSON.stringify({ ...note, complete: true })) {
      o.onProgress?.({ done: total, total });
      return;
    }
    if (found === null) await refuseForeign(o.folder, plans);
    else await removeOld(o.folder, Object.keys(found.perFolder));
    await mkdir(o.folder, { recursive: true });
    await writeNote(o.folder, note);
    for (const plan of plans) {
      await mkdir(join(o.folder, plan.name), { recursive: true });
      await writeFile(join(o.folder, `${plan.name}.csv`), csvOf(plan));
    }
    await drawAll(o, { folder: o.folder, seed: o.seed, perFolder }, plans, total);
    await writeNote(o.folder, { ...note, complete: true });
  } catch (error) {
    throw outputError(o.folder, codeOf(error)) ?? error;
  }
}

async function drawAll(o: DemoSetOptions, data: DrawThreadData, plans: FolderPlan[], total: number) {
  const requests = plans.flatMap(({ images }, plan) =>
    Array.from({ length: Math.ceil(images.length / imagesPerRequest) }, (_, i): DrawRequest => {
      const first = i * imagesPerRequest;
      return { plan, first, count: Math.min(imagesPerRequest, images.length - first) };
    }),
  );
  let done = 0;
  let stopped = false;
  const drawOn = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const next = () => {
        const request = stopped || o.signal?.aborted ? undefined : requests.shift();
        if (request === undefined) resolve();
        else worker.postMessage(request, []);
      };
      worker.on('message', (reply: DrawReply) => {
        if (reply.type === 'failed') {
          const lost = new Error(`Drawing the demo set failed: ${reply.reason}`);
          reject(outputError(o.folder, reply.code) ?? lost);
          return;
        }
        done += reply.count;
        o.onProgress?.({ done, total });
        next();
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`A drawing thread ended early (code ${code}).`)));
      next();
    });
  const count = Math.max(1, Math.min(o.threads ?? 2, requests.length));
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL('./draw-thread.js', import.meta.url), { workerData: data }),
  );
  try {
    await Promise.all(workers.map(drawOn));
    o.signal?.throwIfAborted();
  } finally {
    stopped = true;
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

const noteName = 'demo-set.json';

async function readNote(folder: string): Promise<Note | null> {
  const text = await readFile(join(folder, noteName), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return noteSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    // Whatever this file is, it is not ours: whoever asks takes the folder for foreign.
    return null;
  }
}

async function writeNote(folder: string, note: Note): Promise<void> {
  await writeFile(join(folder, noteName), `${JSON.stringify(note, null, 2)}\n`);
}

async function refuseForeign(folder: string, plans: FolderPlan[]): Promise<void> {
  for (const { name } of plans) {
    for (const entry of [name, `${name}.csv`]) {
      const there = await stat(join(folder, entry)).catch(() => null);
      if (there === null) continue;
      throw new DemoSetError(
        `${join(folder, entry)} exists already and is not a demo set drawn by Onko, so it is left alone. Choose an empty folder.`,
      );
    }
  }
}

/** Also when half drawn: what is left of another set must not mix with the new one. */
async function removeOld(folder: string, names: string[]): Promise<void> {
  for (const name of names.filter((n) => /^(training|testing)-[a-z0-9]+$/.test(n))) {
    await rm(join(folder, name), { recursive: true, force: true });
    await rm(join(folder, `${name}.csv`), { force: true });
  }
}
