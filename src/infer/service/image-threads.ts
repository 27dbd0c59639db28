import { Worker } from 'node:worker_threads';
import type { Augmentation } from '../../data/index.js';
import type { Kernels } from '../../engine/index.js';
import { LANES } from '../../engine/index.js';
import type { ModelFile } from '../../store/index.js';
import type { Computing } from '../predict-range.js';

/** What a thread is started with. */
export interface ThreadStart {
  computing: Computing;
  /** In shared memory. */
  parameters: Float32Array;
  /** Images at once. */
  capacity: number;
}

/** Of a batch of images; `pixels` and `probabilities` of those without a reason, in their order. */
export interface BatchAnswer {
  /** Why an image could not be used, or null. */
  reasons: (string | null)[];
  /** [n][sample bytes] as they were prepared */
  pixels: Uint8Array;
  /** [n][classes], at temperature 1 */
  probabilities: Float32Array;
}

export type ImageAnswer =
  | { reason: null; pixels: Uint8Array; probabilities: Float32Array }
  /** `fault`: the image is none, or it took its thread down. */
  | { reason: string; fault: 'image' | 'thread' };

/** Images from anybody to probabilities, on threads that stay: one broken by an image is replaced, and its other images are not lost. */
export interface ImageThreads {
  classify(image: Uint8Array): Promise<ImageAnswer>;
  /** Ends the threads; images without an answer get none. */
  close(): Promise<void>;
}

/** Images that a thread takes at once: what has come while all were busy. */
const mostAtOnce = 4 * LANES;
/** Far longer than the largest image takes on a slow machine. */
const patienceMs = 60_000;

interface Waiting {
  image: Uint8Array;
  /** It was in a batch that took its thread down. */
  isSuspect: boolean;
  resolve(answer: ImageAnswer): void;
}

interface Seat {
  worker: Worker | null;
  batch: Waiting[] | null;
  timer: NodeJS.Timeout | null;
}

/** @param o.onBatch is told of each batch's size */
export function openImageThreads(o: {
  model: ModelFile;
  kernels: Kernels;
  views: readonly Augmentation[];
  threads: number;
  onBatch?: (images: number) => void;
  /** Starts one thread; tests put a fragile one here. */
  startThread?: (start: ThreadStart) => Worker;
}): ImageThreads {
  const { model, kernels, views } = o;
  const parameters = new Float32Array(new SharedArrayBuffer(model.parameters.byteLength));
  parameters.set(model.parameters);
  const { spec, preprocessing } = model;
  const start: ThreadStart = {
    computing: { spec, preprocessing, kernels: kernels.name, views },
    parameters,
    capacity: mostAtOnce,
  };
  const startThread =
    o.startThread ??
    ((data: ThreadStart) =>
      new Worker(new URL('./service-thread.js', import.meta.url), { workerData: data }));
  const seats: Seat[] = Array.from({ length: o.threads }, () => ({ worker: null, batch: null, timer: null }));
  let queue: Waiting[] = [];

  const settle = (seat: Seat): void => {
    seat.batch = null;
    if (seat.timer !== null) clearTimeout(seat.timer);
    seat.timer = null;
    hand();
  };

  const answered = (seat: Seat, answer: BatchAnswer): void => {
    const classes = model.classes.length;
    const sampleBytes = answer.pixels.length / answer.reasons.length;
    let n = 0;
    for (const [i, waiting] of (seat.batch ?? []).entries()) {
      const reason = answer.reasons[i];
      if (reason !== null) {
        waiting.resolve({ reason, fault: 'image' });
        continue;
      }
      const pixels = answer.pixels.slice(n * sampleBytes, (n + 1) * sampleBytes);
      const probabilities = answer.probabilities.slice(n * classes, (n + 1) * classes);
      waiting.resolve({ reason, pixels, probabilities });
      n += 1;
    }
    settle(seat);
  };

  /** Whichever image did it: each is tried once more by itself, and the one that does it again is found out. */
  const broken = (seat: Seat, worker: Worker): void => {
    if (seat.worker !== worker) return;
    seat.worker = null;
    const batch = seat.batch ?? [];
    for (const waiting of batch.filter(({ isSuspect }) => isSuspect)) {
      waiting.resolve({ reason: 'working on it ended its thread, twice', fault: 'thread' });
    }
    const again = batch.filter(({ isSuspect }) => !isSuspect);
    queue = [...again.map((waiting) => ({ ...waiting, isSuspect: true })), ...queue];
    settle(seat);
  };

  const open = (seat: Seat): Worker => {
    const worker = startThread(start);
    worker.on('message', (answer: BatchAnswer) => answered(seat, answer));
    // Every end of a thread comes to `exit`; the error itself says nothing that a client should hear.
    worker.on('error', () => undefined);
    worker.once('exit', () => broken(seat, worker));
    seat.worker = worker;
    return worker;
  };

  const hand = (): void => {
    const idle = seats.filter(({ batch }) => batch === null);
    for (const [i, seat] of idle.entries()) {
      if (queue.length === 0) return;
      const share = Math.min(mostAtOnce, Math.ceil(queue.length / (idle.length - i)));
      const suspect = queue.findIndex(({ isSuspect }) => isSuspect);
      const batch = queue.splice(0, suspect < 0 ? share : Math.max(1, Math.min(suspect, share)));
      seat.batch = batch;
      o.onBatch?.(batch.length);
      const worker = seat.worker ?? open(seat);
      seat.timer = setTimeout(() => void worker.terminate(), patienceMs);
      worker.postMessage(batch.map(({ image }) => image));
    }
  };

  for (const seat of seats) open(seat);
  return {
    classify: (image) =>
      new Promise((resolve) => {
        queue.push({ image, isSuspect: false, resolve });
        hand();
      }),
    async close() {
      const workers = seats.map(({ worker }) => worker);
      for (const seat of seats) {
        seat.worker = null;
        if (seat.timer !== null) clearTimeout(seat.timer);
      }
      await Promise.all(workers.flatMap((worker) => (worker === null ? [] : [worker.terminate()])));
    },
  };
}
