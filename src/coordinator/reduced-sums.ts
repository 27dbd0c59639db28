import { buildModel, type VectorPool } from '../engine/index.js';
import { asFloat32, type FoldRange, mostRanges, type ParameterRange, rangesOf } from '../protocol/index.js';
import { TrainingSpecError } from './errors.js';
import { addSums, noSums, type Sums } from './fold.js';
import type { TrainingSpec } from './spec.js';

/**
 * What reducers are to sum, for a run with so many; [] for 0.
 *
 * @throws TrainingSpecError for a run whose gradients reducers cannot sum, or a model too small for so many
 */
export function reducedRanges(
  spec: Pick<TrainingSpec, 'mode' | 'gradients'>,
  parameterCount: number,
  reducers: number,
): ParameterRange[] {
  if (reducers === 0) return [];
  if (spec.mode !== undefined)
    throw new TrainingSpecError(
      `Reducers are for exact training, but the mode of this run is ${spec.mode.type}: start it without --reducers.`,
    );
  if (spec.gradients !== undefined)
    throw new TrainingSpecError(
      `Reducers sum whole f32 gradients, but those of this run are rounded (${spec.gradients.type}): start it without --reducers.`,
    );
  const most = mostRanges(parameterCount);
  if (reducers > most)
    throw new TrainingSpecError(
      `A model of ${parameterCount} parameters can be summed by at most ${most} reducers, but ${reducers} are asked for.`,
    );
  return rangesOf(parameterCount, reducers);
}

/** What is wrong with so many reducers, said before anything is prepared. @throws TrainingSpecError, SpecError */
export function checkReducers(spec: TrainingSpec, reducers: number): void {
  reducedRanges(spec, buildModel(spec.model).parameterCount, reducers);
}

/** The step in flight: what its blocks came to, gradients apart, and the sums of ranges that are here. */
interface ReducedStep {
  blocks: Map<number, { sums: Sums; marks: readonly string[] }>;
  gradient: Float32Array | null;
}

/** Sums of training steps whose gradients reducers add; the loss is added here, in tree order, when all is there. */
export interface ReducedSums {
  /** One that was open already begins anew. */
  open(step: number): void;
  /** `marks`: of the block's segments; none for a block without samples. */
  add(step: number, node: number, sums: Sums, marks: readonly string[]): void;
  forget(step: number, node: number): void;
  /** What is to be asked of the reducer of a range. */
  request(step: number, range: number): Pick<FoldRange, 'nodes' | 'marks' | 'emptyNodes'>;
  take(step: number, range: number, values: Uint8Array): void;
  /** The gradient may be written to, and is valid until the step is closed. Only once every range is here. */
  root(step: number): { gradient: Float32Array; sums: Sums };
  close(step: number): void;
}

/** @param pool of whole gradients */
export function createReducedSums(pool: VectorPool, ranges: readonly ParameterRange[]): ReducedSums {
  const steps = new Map<number, ReducedStep>();
  const stepOf = (step: number): ReducedStep => {
    const found = steps.get(step);
    if (found === undefined) throw new TypeError(`Expected step ${step} to be open.`);
    return found;
  };
  const close = (step: number): void => {
    const gradient = steps.get(step)?.gradient ?? null;
    if (gradient !== null) pool.give(gradient);
    steps.delete(step);
  };
  return {
    open(step) {
      close(step);
      steps.set(step, { blocks: new Map(), gradient: null });
    },
    add(step, node, sums, marks) {
      stepOf(step).blocks.set(node, { sums, marks });
    },
    forget(step, node) {
      stepOf(step).blocks.delete(node);
    },
    request(step, range) {
      const blocks = [...stepOf(step).blocks];
      const full = blocks.filter(([, { marks }]) => marks.length > 0);
      return {
        nodes: full.map(([node]) => node),
        marks: full.map(([, { marks }]) => marks[range]),
        emptyNodes: blocks.filter(([, { marks }]) => marks.length === 0).map(([node]) => node),
      };
    },
    take(step, range, values) {
      const open = stepOf(step);
      open.gradient ??= pool.take();
      open.gradient.set(asFloat32(values), ranges[range].first);
    },
    root(step) {
      const { blocks, gradient } = stepOf(step);
      if (gradient === null) throw new TypeError(`Expected the sums of step ${step} to be here.`);
      const sumsOf = (node: number): Sums => {
        const block = blocks.get(node);
        if (block !== undefined) return block.sums;
        // Deeper than any tree is: a block is missing.
        if (node > 2 ** 20) throw new TypeError(`Expected every block of step ${step} to be accepted.`);
        return addSums(sumsOf(2 * node), sumsOf(2 * node + 1));
      };
      return { gradient, sums: blocks.size === 0 ? noSums : sumsOf(1) };
    },
    close,
  };
}
