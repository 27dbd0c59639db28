import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { createArtist, drawRange } from './draw.js';
import { codeOf } from './errors.js';
import { planFolders } from './layout.js';

/** main → thread: draw images first…first+count−1 of folder number `plan`. */
export interface DrawRequest {
  plan: number;
  first: number;
  count: number;
}
/** thread → main */
export type DrawReply =
  | { type: 'drawn'; count: number }
  | { type: 'failed'; code: string | null; reason: string };
export type DrawThreadData = z.infer<typeof threadData>;
const threadData = z.object({
  folder: z.string(),
  seed: z.number(),
  perFolder: z.record(z.string(), z.number()),
});

const port = parentPort;
if (port === null) throw new Error('draw-thread runs as a worker thread only.');
const { folder, seed, perFolder } = threadData.parse(workerData);
const plans = planFolders(seed, perFolder);
const artist = createArtist(seed);

async function perform({ plan, first, count }: DrawRequest): Promise<DrawReply> {
  try {
    const wanted = plans[plan];
    if (wanted === undefined) throw new RangeError(`There is no folder number ${plan}.`);
    await drawRange(await artist, folder, wanted, first, count);
    return { type: 'drawn', count };
  } catch (error) {
    return {
      type: 'failed',
      code: codeOf(error),
      reason: error instanceof Error ? error.message : String(error),
    };
  }
}

port.on('message', (request: DrawRequest) => {
  void perform(request).then((reply) => port.postMessage(reply));
});
