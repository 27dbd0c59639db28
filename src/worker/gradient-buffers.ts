/** Where a thread writes the gradients that leave it: memory that is used again, and seen by whoever sends or folds them. */
export interface GradientBuffers {
  /** f32[parameterCount] for one block of this step, with anything in it. */
  take(step: number): Float32Array<SharedArrayBuffer>;
  /** Made so far. */
  readonly count: number;
}

/**
 * Whoever has a task of step s + 2 knows that step s + 1 is over. A gradient of step s can then neither be accepted nor be compared with a
 * twin, wherever it still is: its memory is free. With a delay of D, a task of step t only tells that step t − 1 − D is over, and the
 * coordinator knows twins of the D steps before that one, too.
 */
const stepsUntilFree = (staleness: number): number => 2 + 2 * staleness;

/**
 * Without it every block of `lenet` would leave a quarter of a megabyte behind outside of V8's heap. V8 answers that with whole
 * collections, several a second: a seventh of the processor time of a run (docs/performance.md).
 */
export function createGradientBuffers(parameterCount: number, staleness: number): GradientBuffers {
  const made: { step: number; values: Float32Array<SharedArrayBuffer> }[] = [];
  return {
    take(step) {
      const free = made.find((buffer) => buffer.step + stepsUntilFree(staleness) <= step);
      if (free !== undefined) {
        free.step = step;
        return free.values;
      }
      const values = new Float32Array(new SharedArrayBuffer(parameterCount * Float32Array.BYTES_PER_ELEMENT));
      made.push({ step, values });
      return values;
    },
    get count() {
      return made.length;
    },
  };
}

/**
 * Memory for the gradient of a thread's next block. Where steps come in no order a block is counted in place of its step. A worker of T threads has
 * T + 1 tasks in hand, each until its result is with the broker, or within one process in the queue; and the coordinator empties that before the
 * worker is given another task. So T + 1 blocks later a gradient is sent or folded; twice that is kept.
 */
export function createGradientSource(
  parameterCount: number,
  { newestWeights, threads, staleness }: { newestWeights: boolean; threads: number; staleness: number },
): (step: number) => Float32Array<SharedArrayBuffer> {
  const buffers = createGradientBuffers(parameterCount, newestWeights ? threads : staleness);
  if (!newestWeights) return (step) => buffers.take(step);
  let blocks = 0;
  return () => buffers.take(blocks++);
}
