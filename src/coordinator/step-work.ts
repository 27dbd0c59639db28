import type { Kernels } from '../engine/index.js';
import type { Result } from '../protocol/index.js';
import { type EncodedValues, type GradientForm, openGradient } from './arrived-gradient.js';
import type { UnitKey } from './decide/actions.js';
import type { ResultHeader } from './decide/events.js';
import type { FrontKey } from './decide/fronts.js';
import {
  createEvaluationFold,
  createTreeFold,
  type EvaluationFold,
  noSums,
  type Sums,
  type TreeFold,
} from './fold.js';
import type { PreparedRun } from './prepare.js';
import type { StepTimeline } from './step-timeline.js';

const noCounts = new Uint32Array(0);

/** A result as the decider sees it, and its tensor; the gradient is a view of the message. */
export interface ArrivedResult {
  header: ResultHeader;
  result: Result;
  gradient: Float32Array;
  /** The same in the form in which it came, where that is not f32: then `gradient` is of no use. */
  encoded: EncodedValues | null;
  /** When it came, milliseconds of the coordinator's clock. */
  arrivedMs: number;
}

export function openResult(
  result: Result,
  arrivedMs: number,
  form: GradientForm,
  kernels: Kernels,
): ArrivedResult {
  const { gradient, encoded, length, fault, finite, hash } = openGradient(result, form, kernels);
  const { run, fence, step, pass, weightsVersion, node, mode, worker, samples } = result;
  return {
    result,
    gradient,
    encoded,
    arrivedMs,
    header: {
      run,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      worker,
      samples,
      gradientLength: length,
      confusionLength: result.confusion.length,
      ...(fault === null ? {} : { fault }),
      finite,
      hash,
    },
  };
}

/** The tensors of the fronts that are open: what their results have come to. How long that took goes into the timeline. */
export interface StepWork {
  /** A front that was open already begins anew. */
  open(front: FrontKey, passes: number): void;
  fold(unit: UnitKey, arrived: ArrivedResult): void;
  foldEmpty(unit: UnitKey): void;
  /** Optimizer step on the whole sum of a training step. Only once every block is folded. */
  apply(step: number): { sums: Sums; finite: boolean; gradientNorm: number };
  /** The whole validation; null if none was folded since the last call. */
  takeEvaluation(): { sums: Sums; confusion: Uint32Array } | null;
  /** Buffers of a whole gradient that the sums take. */
  readonly buffers: number;
}

export function createStepWork(
  run: PreparedRun,
  kernels: Kernels,
  timeline: StepTimeline,
  now: () => number,
): StepWork {
  /** By step, from its first block on; one that is over leaves its buffers to the next. */
  const trees = new Map<number, TreeFold>();
  const spare: TreeFold[] = [];
  const everyTree = (): TreeFold[] => [...trees.values(), ...spare];
  const treeOf = (step: number): TreeFold => {
    const tree = trees.get(step) ?? spare.pop() ?? createTreeFold(kernels, run.model.parameterCount);
    trees.set(step, tree);
    return tree;
  };
  const putAway = (step: number): void => {
    const tree = trees.get(step);
    if (tree === undefined) return;
    tree.reset();
    trees.delete(step);
    spare.push(tree);
  };
  let evaluation: EvaluationFold | null = null;
  return {
    open({ mode, step }, passes) {
      if (mode === 'train') putAway(step);
      else evaluation = createEvaluationFold(passes, run.model.classes);
    },
    fold(unit, { result, gradient, encoded, arrivedMs }) {
      const { mode, step, pass, node } = unit;
      const { samples, lossSum, correct } = result;
      const sums = { samples, lossSum, correct };
      if (mode === 'train') treeOf(step).insert(node, encoded ?? gradient, sums);
      else evaluation?.insert(pass, node, sums, result.confusion);
      timeline.add(unit, 'sum', { startMs: arrivedMs, endMs: now() });
    },
    foldEmpty({ mode, step, pass, node }) {
      if (mode === 'train') treeOf(step).insert(node, null, noSums);
      else evaluation?.insert(pass, node, noSums, noCounts);
    },
    apply(step) {
      const tree = treeOf(step);
      const root = tree.root();
      if (root === null) throw new TypeError(`Expected every block of step ${step} to be folded.`);
      const startMs = now();
      const { sums } = root;
      const applied = run.trainer.apply(root.gradient, sums.samples, step);
      timeline.add({ mode: 'train', step }, 'update', { startMs, endMs: now() });
      putAway(step);
      return { sums, ...applied };
    },
    takeEvaluation() {
      const total = evaluation?.total() ?? null;
      evaluation = null;
      return total;
    },
    get buffers() {
      return everyTree().reduce((sum, tree) => sum + tree.buffers, 0);
    },
  };
}
