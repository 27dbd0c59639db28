import { createVectorPool, fingerprint, type Kernels } from '../engine/index.js';
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
import { createReducedSums, type ReducedSums } from './reduced-sums.js';
import type { StepTimeline } from './step-timeline.js';

const bytesInMemory = 8 * 2 ** 20;
const fewestInMemory = 16;

/**
 * Gradients that may wait in memory; others wait in a file. Enough for the 16 microshards that a run has unless it is told otherwise, and for more of a
 * small model.
 */
function mostInMemory(parameterCount: number): number {
  const bytes = parameterCount * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(fewestInMemory, Math.floor(bytesInMemory / bytes));
}

const noCounts = new Uint32Array(0);
const noValues = new Float32Array(0);

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
  ranges: number,
  kernels: Kernels,
): ArrivedResult {
  if (result.segmentMarks.length > 0) return openHeader(result, arrivedMs, form, ranges);
  const { gradient, encoded, length, fault, finite, hash } = openGradient(result, form, kernels);
  // In a run with reducers it should not have come here.
  const gradientLength = ranges > 0 && result.gradient.byteLength > 0 ? Number.NaN : length;
  return {
    result,
    gradient,
    encoded,
    arrivedMs,
    header: headerOf(result, { gradientLength, finite, hash, ...(fault === null ? {} : { fault }) }),
  };
}

/** A result whose gradient has gone to the reducers: what it says of the segments stands for them. */
function openHeader(result: Result, arrivedMs: number, form: GradientForm, ranges: number): ArrivedResult {
  const { segmentMarks, badSegments, lossSum, correct } = result;
  const own = fingerprint(noValues, lossSum, correct);
  const fits = segmentMarks.length === ranges && result.gradient.byteLength === 0;
  const finite = own.finite && badSegments === 0;
  const hash = [own.hash, ...segmentMarks].join('-');
  const header = headerOf(result, { gradientLength: fits ? form.count : Number.NaN, finite, hash });
  return { result, gradient: noValues, encoded: null, arrivedMs, header };
}

function headerOf(
  { run, fence, step, pass, weightsVersion, node, mode, worker, samples, confusion }: Result,
  of: Pick<ResultHeader, 'gradientLength' | 'finite' | 'hash' | 'fault'>,
): ResultHeader {
  const unit = { run, fence, step, pass, weightsVersion, node, mode };
  return { ...unit, worker, samples, confusionLength: confusion.length, ...of };
}

/** The tensors of the fronts that are open: what their results have come to. How long that took goes into the timeline. */
export interface StepWork {
  /** A front that was open already begins anew. */
  open(front: FrontKey, passes: number): void;
  fold(unit: UnitKey, arrived: ArrivedResult): void;
  /** In a run with reducers: it was folded, and is computed again. */
  forget(unit: UnitKey): void;
  /** What reducers are to sum, and where their sums go; null where there are none. */
  readonly reduced: ReducedSums | null;
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
  const { ranges, model, overflow: store } = run;
  const { parameterCount } = model;
  const pool = createVectorPool(parameterCount, { most: mostInMemory(parameterCount), store });
  /** By step, from its first block on. */
  const trees = new Map<number, TreeFold>();
  const reduced = ranges.length === 0 ? null : createReducedSums(pool, ranges);
  const treeOf = (step: number): TreeFold => {
    const tree = trees.get(step) ?? createTreeFold(kernels, pool);
    trees.set(step, tree);
    return tree;
  };
  const putAway = (step: number): void => {
    trees.get(step)?.reset();
    trees.delete(step);
  };
  let evaluation: EvaluationFold | null = null;
  return {
    open({ mode, step }, passes) {
      if (mode === 'train') {
        putAway(step);
        reduced?.open(step);
      } else evaluation = createEvaluationFold(passes, model.classes);
    },
    fold(unit, { result, gradient, encoded, arrivedMs }) {
      const { mode, step, pass, node } = unit;
      const { samples, lossSum, correct } = result;
      const sums = { samples, lossSum, correct };
      if (mode === 'train') {
        if (reduced === null) treeOf(step).insert(node, encoded ?? gradient, sums);
        else reduced.add(step, node, sums, result.segmentMarks);
      } else evaluation?.insert(pass, node, sums, result.confusion);
      timeline.add(unit, 'sum', { startMs: arrivedMs, endMs: now() });
    },
    foldEmpty({ mode, step, pass, node }) {
      if (mode === 'train') {
        if (reduced === null) treeOf(step).insert(node, null, noSums);
        else reduced.add(step, node, noSums, []);
      } else evaluation?.insert(pass, node, noSums, noCounts);
    },
    forget: ({ step, node }) => reduced?.forget(step, node),
    reduced,
    apply(step) {
      const tree = reduced === null ? treeOf(step) : null;
      const root = tree === null ? (reduced?.root(step) ?? null) : tree.root();
      if (root === null) throw new TypeError(`Expected every block of step ${step} to be folded.`);
      const startMs = now();
      const { sums } = root;
      const applied = run.trainer.apply(root.gradient, sums.samples, step);
      timeline.add({ mode: 'train', step }, 'update', { startMs, endMs: now() });
      putAway(step);
      reduced?.close(step);
      return { sums, ...applied };
    },
    takeEvaluation() {
      const total = evaluation?.total() ?? null;
      evaluation = null;
      return total;
    },
    get buffers() {
      return pool.made;
    },
  };
}
