import { decodeInto } from '../../src/coordinator/arrived-gradient.js';
import type { ArrivedResult, StepWork } from '../../src/coordinator/step-work.js';
import type { Trainer } from '../../src/coordinator/trainer.js';
import { referenceKernels } from '../../src/engine/index.js';

/**
 * The gradients that are folded, added here once more, in the order of the tree. Where a run has no bits to compare with, this tells that
 * the optimizer gets what workers have sent: of each block all of it, and once.
 */
export class FoldedSums {
  /** f32[parameterCount] by step and node. */
  readonly #steps = new Map<number, Map<number, Float32Array>>();
  readonly #microshards: number;
  readonly #parameterCount: number;
  readonly #onDifferent: (step: number) => void;

  /** `onDifferent`: the optimizer gets something else. */
  constructor(microshards: number, parameterCount: number, onDifferent: (step: number) => void) {
    this.#microshards = microshards;
    this.#parameterCount = parameterCount;
    this.#onDifferent = onDifferent;
  }

  /** The trainer, with a look at what it is given. */
  ofTrainer(trainer: Trainer): Trainer {
    return {
      ...trainer,
      apply: (gradientSum, samples, step = trainer.version()) => {
        const sum = this.#sumBelow(this.#steps.get(step), 1);
        this.#steps.delete(step);
        if (sum === null || gradientSum.some((value, i) => value !== sum[i])) this.#onDifferent(step);
        return trainer.apply(gradientSum, samples, step);
      },
    };
  }

  /** The sums, with a look at what is folded. */
  ofWork(work: StepWork): StepWork {
    return {
      ...work,
      open: (front, passes) => {
        if (front.mode === 'train') this.#steps.set(front.step, new Map());
        work.open(front, passes);
      },
      fold: (unit, arrived) => {
        if (unit.mode === 'train') this.#steps.get(unit.step)?.set(unit.node, this.#valuesOf(arrived));
        work.fold(unit, arrived);
      },
      get buffers() {
        return work.buffers;
      },
    };
  }

  #valuesOf({ gradient, encoded }: ArrivedResult): Float32Array {
    if (encoded === null) return gradient.slice();
    const values = new Float32Array(this.#parameterCount);
    decodeInto(values, encoded, false, referenceKernels);
    return values;
  }

  /** Null where there is no block, as in the tail of a short step. */
  #sumBelow(blocks: ReadonlyMap<number, Float32Array> | undefined, node: number): Float32Array | null {
    const block = blocks?.get(node);
    if (block !== undefined) return block;
    if (node >= this.#microshards) return null;
    const left = this.#sumBelow(blocks, 2 * node);
    const right = this.#sumBelow(blocks, 2 * node + 1);
    if (left !== null && right !== null) referenceKernels.add(left, right);
    return left ?? right;
  }
}
