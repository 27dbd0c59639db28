import type { BlockComputer } from '../../src/worker/block-computer.js';
import type { ComputeRequest } from '../../src/worker/compute-messages.js';
import type { ComputeOutcome, ComputePool } from '../../src/worker/compute-pool.js';

export interface SimThreadsOptions {
  /** One for each thread: plan, gradients and what is left over of them (topk) are a thread's own. */
  computers: BlockComputer[];
  /** The first data block that is not here; undefined if all are. */
  missing: (request: ComputeRequest) => number | undefined;
  computeMs: (samples: number) => number;
  /** On the worker's process. Returns how to call it off. */
  after: (ms: number, run: () => void) => () => void;
}

interface Slot {
  compute: BlockComputer;
  busyWith: number | null;
  stop: () => void;
}

/** The compute threads of a simulated worker: a computation takes its virtual time, and one that is stopped stops at once. */
export function createSimThreads(o: SimThreadsOptions): Pick<ComputePool, 'compute' | 'abandon' | 'close'> {
  const slots = o.computers.map((compute): Slot => ({ compute, busyWith: null, stop: () => undefined }));
  const stopWhere = (isIt: (slot: Slot) => boolean): void => {
    for (const slot of slots) if (slot.busyWith !== null && isIt(slot)) slot.stop();
  };
  return {
    compute(request) {
      const slot = slots.find((one) => one.busyWith === null);
      if (slot === undefined) throw new RangeError(`Expected at most ${slots.length} computations at once.`);
      slot.busyWith = request.id;
      return new Promise((resolve) => {
        const settle = (outcome: ComputeOutcome): void => {
          slot.busyWith = null;
          resolve(outcome);
        };
        const computeMs = o.missing(request) === undefined ? o.computeMs(request.samples.length) : 1;
        const callOff = o.after(computeMs, () => {
          const block = o.missing(request);
          if (block !== undefined) return settle({ type: 'block_missing', block });
          // The parameters are read at the end: if they have changed under the computation, its bits tell.
          const sums = slot.compute(request, () => false);
          if (sums === null) return settle({ type: 'abandoned' });
          return settle({ type: 'computed', sums, computeMs, thread: slots.indexOf(slot), threads: 1 });
        });
        slot.stop = () => {
          callOff();
          settle({ type: 'abandoned' });
        };
      });
    },
    abandon: (id) => stopWhere(({ busyWith }) => busyWith === id),
    close: async () => stopWhere(() => true),
  };
}
