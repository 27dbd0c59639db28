import { Worker } from 'node:worker_threads';
import type { Preprocessing } from '../preprocessing.js';
import { sampleBytesOf } from '../sample-shape.js';
import type { DecodeAnswer, DecodeRecipe, DecodeRequest } from './thread-messages.js';

export interface DecodeOptions {
  preprocessing: Preprocessing;
  threads: number;
  signal?: AbortSignal | undefined;
  /** Starts one thread; tests put a fragile one here. */
  startThread?: (recipe: DecodeRecipe) => Worker;
}

/** `pixels`: [sampleBytes], or null with the reason. */
export type Decoded = { pixels: Uint8Array; reason: null } | { pixels: null; reason: string };

/** Files per request: enough to hide the message, few enough that no thread is left with the last hundred. */
const filesPerRequest = 32;
/** Requests in flight or waiting for an earlier one, per thread: bounds what is held in memory. */
const aheadPerThread = 4;

/**
 * Decodes and preprocesses files on all threads, and yields the results in the order of `paths`, so what comes out does not depend
 * on the number of threads.
 *
 * A file that breaks its thread (out of memory, a fault in native code that Node survives) is found by decoding the files of that request
 * one by one; it alone is rejected and the thread replaced.
 *
 * @throws the signal's reason when it aborts
 */
export async function* decodeFiles(
  paths: readonly string[],
  options: DecodeOptions,
): AsyncGenerator<Decoded> {
  const { preprocessing, signal } = options;
  const sampleBytes = sampleBytesOf(preprocessing);
  const recipe: DecodeRecipe = { preprocessing, sampleBytes };
  const startThread = options.startThread ?? startDecodeThread;
  const requestCount = Math.ceil(paths.length / filesPerRequest);
  const threadCount = Math.max(1, Math.min(options.threads, requestCount));
  const lanes = Array.from({ length: threadCount }, () => openLane(() => startThread(recipe)));
  const idle = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];

  const takeLane = (): Promise<Lane> => {
    const lane = idle.pop();
    if (lane !== undefined) return Promise.resolve(lane);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
  const giveBack = (lane: Lane): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(lane);
    else next(lane);
  };

  const decodeOnLane = async (lane: Lane, wanted: string[]): Promise<Decoded[]> => {
    const outcome = await lane.ask(wanted);
    if (outcome.type === 'answered') return split(outcome.answer, sampleBytes);
    if (wanted.length === 1) {
      return [{ pixels: null, reason: `decoding it ended its thread (${outcome.reason})` }];
    }
    const results: Decoded[] = [];
    for (const path of wanted) results.push(...(await decodeOnLane(lane, [path])));
    return results;
  };

  const decodeRequest = async (index: number): Promise<Decoded[]> => {
    const lane = await takeLane();
    try {
      signal?.throwIfAborted();
      return await decodeOnLane(lane, paths.slice(index * filesPerRequest, (index + 1) * filesPerRequest));
    } finally {
      giveBack(lane);
    }
  };

  const finished = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true, signal: finished.signal });
  });
  aborted.catch(() => undefined);
  try {
    signal?.throwIfAborted();
    const pending: Promise<Decoded[]>[] = [];
    let next = 0;
    for (let done = 0; done < requestCount; done++) {
      while (next < requestCount && next < done + threadCount * aheadPerThread) {
        const request = decodeRequest(next++);
        request.catch(() => undefined);
        pending.push(request);
      }
      yield* await Promise.race([pending.shift()!, aborted]);
    }
  } finally {
    finished.abort();
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

function split({ pixels, reasons }: DecodeAnswer, sampleBytes: number): Decoded[] {
  return reasons.map((reason, i) =>
    reason === null
      ? { pixels: pixels.subarray(i * sampleBytes, (i + 1) * sampleBytes), reason }
      : { pixels: null, reason },
  );
}

type Outcome = { type: 'answered'; answer: DecodeAnswer } | { type: 'ended'; reason: string };

/** A place for one thread at a time: if the thread ends, the next request starts another. */
interface Lane {
  ask(paths: string[]): Promise<Outcome>;
  close(): Promise<void>;
}

function openLane(start: () => Worker): Lane {
  let thread: Worker | null = null;
  let settle: ((outcome: Outcome) => void) | null = null;
  let asked = 0;
  let isClosed = false;

  const finish = (outcome: Outcome): void => {
    settle?.(outcome);
    settle = null;
  };
  const running = (): Worker => {
    if (thread !== null) return thread;
    const started = start();
    let reason = 'no reason given';
    started.on('message', (answer: DecodeAnswer) => finish({ type: 'answered', answer }));
    started.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    started.on('exit', () => {
      if (thread === started) thread = null;
      finish({ type: 'ended', reason });
    });
    thread = started;
    return started;
  };

  return {
    ask(paths) {
      // A request that still waits when the pool closes must not start a thread again: nobody reads its answer.
      if (isClosed) return Promise.resolve({ type: 'ended', reason: 'the pool is closed' });
      return new Promise((resolve) => {
        settle = resolve;
        const request: DecodeRequest = { id: asked++, paths };
        running().postMessage(request, []);
      });
    },
    async close() {
      isClosed = true;
      await thread?.terminate();
    },
  };
}

function startDecodeThread(recipe: DecodeRecipe): Worker {
  return new Worker(new URL('./decode-thread.js', import.meta.url), {
    workerData: recipe,
    // Small images leave much short-lived garbage: a small young generation keeps it out of the resident set.
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
  });
}
