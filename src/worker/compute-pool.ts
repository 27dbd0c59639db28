import { Worker } from 'node:worker_threads';
import type { SharedBlocks } from './blocks.js';
import {
  type BlockSums,
  type ComputeRequest,
  type FromThread,
  nothingAbandoned,
  type ThreadRecipe,
  type ToThread,
} from './compute-messages.js';

export type ComputeOutcome =
  /** `thread`: which one, from 0; `threads`: how many shared the block. */
  | { type: 'computed'; sums: BlockSums; computeMs: number; thread: number; threads: number }
  | { type: 'abandoned' }
  | { type: 'block_missing'; block: number }
  | { type: 'failed'; reason: string };

export interface ComputePool {
  /** Never rejects: a thread that dies is a failed computation, and is replaced. Call with at most `threads` at once. */
  compute(request: ComputeRequest): Promise<ComputeOutcome>;
  /** Stops all computations of this id after the microshard that each is at. */
  abandon(id: number): void;
  /** Tells every thread of a block that was added to `shared` after it was opened. */
  addBlock(hash: string, bytes: Uint8Array<SharedArrayBuffer>): void;
  /** Ends the threads at once; computations in progress come out as abandoned. */
  close(): Promise<void>;
}

export interface PoolOptions {
  threads: number;
  recipe: ThreadRecipe;
  /** Blocks that are not in the folder that the threads read from; every thread is told of them as it opens. */
  shared: SharedBlocks;
  onWarning: (message: string) => void;
  /** The thread's code; tests put one in its place that dies when told to. */
  threadUrl?: URL;
}

/**
 * Tensors lie outside of V8's heap, so a thread needs little of it; a small young generation keeps the resident
 * size of a worker down.
 */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 };

interface Slot {
  index: number;
  /** Null until somebody wants it (again). */
  thread: Promise<Worker> | null;
  abandoned: Int32Array<SharedArrayBuffer>;
  busyWith: number | null;
  settle: ((outcome: ComputeOutcome) => void) | null;
}

function ignore(): void {}

function post(thread: Worker, message: ToThread): void {
  thread.postMessage(message, []);
}

function release(slot: Slot, outcome: ComputeOutcome): void {
  const { settle } = slot;
  slot.busyWith = null;
  slot.settle = null;
  settle?.(outcome);
}

/** @throws Error with a plain reason if the threads cannot take the recipe (kernels, spec, manifest) */
export async function openComputePool(options: PoolOptions): Promise<ComputePool> {
  const url = options.threadUrl ?? new URL('./compute-thread.js', import.meta.url);
  let closed = false;

  /** Starts a thread in the slot; the promise rejects if it ends before it is open. */
  const spawn = (slot: Slot): Promise<Worker> =>
    new Promise((resolve, reject) => {
      const thread = new Worker(url, {
        name: 'onko-compute',
        workerData: { recipe: options.recipe, abandoned: slot.abandoned },
        resourceLimits,
      });
      let reason = 'the compute thread ended by itself';
      let isOpen = false;
      thread.on('error', (error) => {
        reason = `the compute thread died: ${error instanceof Error ? error.message : String(error)}`;
      });
      thread.on('message', (message: FromThread) => {
        if (message.type === 'open') {
          isOpen = true;
          for (const [hash, bytes] of options.shared) post(thread, { type: 'block', hash, bytes });
          resolve(thread);
        } else if (message.id === slot.busyWith) {
          release(
            slot,
            message.type === 'computed' ? { ...message, thread: slot.index, threads: 1 } : message,
          );
        }
      });
      thread.on('exit', () => {
        if (!isOpen) reject(new Error(reason));
        else if (!closed) {
          options.onWarning(`A compute thread is replaced: ${reason}.`);
          slot.thread = null;
          void threadOf(slot);
        }
        if (isOpen) release(slot, closed ? { type: 'abandoned' } : { type: 'failed', reason });
      });
    });

  /** The slot's thread, started if need be. A failure to open is told to whoever wants it next. */
  const threadOf = (slot: Slot): Promise<Worker> => {
    if (slot.thread === null) {
      slot.thread = spawn(slot);
      slot.thread.catch(ignore);
    }
    return slot.thread;
  };

  const slots = Array.from({ length: options.threads }, (_, index): Slot => {
    const abandoned = new Int32Array(new SharedArrayBuffer(4)).fill(nothingAbandoned);
    return { index, thread: null, abandoned, busyWith: null, settle: null };
  });

  const close = async (): Promise<void> => {
    closed = true;
    await Promise.all(
      slots.map(async (slot) => {
        const thread = await slot.thread?.catch(() => null);
        await thread?.terminate();
        release(slot, { type: 'abandoned' });
      }),
    );
  };

  try {
    await Promise.all(slots.map(threadOf));
  } catch (error) {
    await close();
    throw error;
  }

  return {
    async compute(request) {
      const slot = slots.find((one) => one.busyWith === null);
      if (slot === undefined) throw new RangeError(`Expected at most ${slots.length} computations at once.`);
      slot.busyWith = request.id;
      // A block that was stopped for want of samples comes again under its id.
      Atomics.store(slot.abandoned, 0, nothingAbandoned);
      let thread: Worker;
      try {
        thread = await threadOf(slot);
      } catch (error) {
        slot.busyWith = null;
        slot.thread = null;
        return { type: 'failed', reason: error instanceof Error ? error.message : String(error) };
      }
      if (closed) return { type: 'abandoned' };
      return await new Promise((resolve) => {
        slot.settle = resolve;
        post(thread, { type: 'compute', request });
      });
    },
    abandon(id) {
      for (const slot of slots) if (slot.busyWith === id) Atomics.store(slot.abandoned, 0, id);
    },
    addBlock(hash, bytes) {
      for (const { thread } of slots)
        thread?.then((open) => post(open, { type: 'block', hash, bytes }), ignore);
    },
    close,
  };
}
