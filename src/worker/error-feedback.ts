import { allFinite, encodeSparse, type Kernels, type SparseForm } from '../engine/index.js';

/** Of which coordinator's blocks, and of how many samples the block's sum is. */
export interface BlockOrigin {
  fence: number;
  samples: number;
}

/**
 * Sends the largest values of each block's gradient and remembers the rest: it is added to the next gradient, so that nothing is lost but
 * only late (error feedback: Seide et al., "1-bit SGD", 2014; Stich, Cordonnier, Jaggi, "Sparsified SGD with memory", 2018).
 */
export interface ErrorFeedback {
  /** gradient[count], the sum over a block's samples → bytes of `encodeSparse`. */
  encode(gradient: Float32Array, origin: BlockOrigin): Uint8Array<ArrayBuffer>;
  /** f32[learnt]: what has not been sent yet; for a block of as many samples as the last one. */
  readonly residual: Float32Array;
}

/**
 * The memory of one compute thread: it knows what this thread has computed and not sent, and nothing of the others. So the bits of a
 * run depend on which thread got which block.
 *
 * - What is rounded away of the values that are sent stays in the memory, too: what is sent and the residual are the gradient and the
 *   residual before, to the last bit of their f32 sum.
 * - A sum over n samples is divided by all samples of the step. Of a block with fewer samples, like those of an epoch's last step, the
 *   residual is brought down to as many; else a step of one sample would be made of what a hundred have left over.
 * - A coordinator that was started again goes on from a checkpoint: what was left over of steps that are now done again is forgotten.
 * - A gradient that is not finite is sent as it is, to be refused, and leaves nothing behind.
 */
export function createErrorFeedback(kernels: Kernels, form: SparseForm): ErrorFeedback {
  const { learnt, kept } = form;
  const residual = new Float32Array(learnt);
  const places = new Int32Array(kept);
  const values = new Float32Array(kept);
  let fence = -1;
  let samples = 0;

  const takeOver = (origin: BlockOrigin): void => {
    if (origin.fence !== fence) residual.fill(0);
    else if (origin.samples !== samples && samples > 0) {
      const factor = origin.samples / samples;
      for (let i = 0; i < learnt; i++) residual[i] *= factor;
    }
    ({ fence, samples } = origin);
  };

  return {
    residual,
    encode(gradient, origin) {
      takeOver(origin);
      kernels.add(residual, gradient.subarray(0, learnt));
      kernels.selectLargest(places, residual);
      for (let i = 0; i < kept; i++) values[i] = residual[places[i]];
      const bytes = encodeSparse(kernels, form, { places, values, rest: gradient.subarray(learnt) });
      // The largest are among them: if one is not finite, it is here.
      if (!allFinite(values)) residual.fill(0);
      else for (let i = 0; i < kept; i++) residual[places[i]] -= values[i];
      return bytes;
    },
  };
}
