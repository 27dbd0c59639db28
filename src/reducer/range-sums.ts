import { createTreeSum, createVectorPool, fingerprint, type Kernels, type TreeSum } from '../engine/index.js';
import { asFloat32, type FoldRange, type Segment, type SegmentFault } from '../protocol/index.js';

/** What a request came to: the sum over its blocks, or those of them that are not here. */
export type Folded =
  /** f32[count of the range], valid until the step is over. */
  | { type: 'sum'; values: Float32Array }
  | { type: 'missing'; missing: number[]; faults: SegmentFault[]; senders: string[] };

/**
 * The sums of one range over the steps in flight. Segments are added as they come, in tree order (a node is its left child plus its
 * right), so that a step holds O(log N) vectors, and its sum is ready when it is asked for.
 *
 * Nothing is decided here. What counts is what the coordinator asks for: blocks, and the mark that the segment of each must have. A
 * segment whose bits are here already is dropped. One that contradicts what is here (another mark for its block, or a block of
 * another cut) takes the place of everything: sums cannot be taken apart, and the coordinator has computed again what it misses.
 */
export interface RangeSums {
  /** True if it was added. The values are copied. */
  add(segment: Pick<Segment, 'step' | 'node' | 'worker' | 'values'>): boolean;
  fold(request: Pick<FoldRange, 'step' | 'oldestStep' | 'nodes' | 'marks' | 'emptyNodes'>): Folded;
  /** Vectors made so far. */
  readonly buffers: number;
}

interface Step {
  /** What has been added, by block. */
  blocks: Map<number, { mark: string; worker: string }>;
  /** Segments that were not taken, the last of each block. */
  refused: Map<number, { worker: string; fault: SegmentFault }>;
  sum: TreeSum;
}

/** Of a block without samples, which has no segment. */
const zeros = 'zeros';
/** Steps that may be open at once: those in flight, and a few that nobody has closed yet. */
const mostSteps = 8;

export function createRangeSums(kernels: Kernels, count: number): RangeSums {
  const steps = new Map<number, Step>();
  const pool = createVectorPool(count);
  let oldest = 0;

  const clear = (step: Step): void => {
    // A whole sum may be on its way, by reference: its memory is not used again.
    step.sum.takeRoot();
    step.sum.reset();
    step.blocks.clear();
  };
  const close = (number: number, step: Step): void => {
    step.sum.reset();
    steps.delete(number);
  };
  const stepOf = (number: number): Step => {
    const open = steps.get(number);
    if (open !== undefined) return open;
    const made: Step = { blocks: new Map(), refused: new Map(), sum: createTreeSum(kernels, pool) };
    steps.set(number, made);
    // A coordinator that died has left its steps behind.
    const [first] = steps;
    if (steps.size > mostSteps && first !== undefined) close(...first);
    return made;
  };

  return {
    add({ step: number, node, worker, values }) {
      if (number < oldest) return false;
      const step = stepOf(number);
      const refuse = (fault: SegmentFault): false => {
        step.refused.set(node, { worker, fault });
        return false;
      };
      if (values.byteLength !== 4 * count) return refuse('wrong_length');
      const floats = asFloat32(values);
      const { finite, hash: mark } = fingerprint(floats, 0, 0, kernels);
      if (!finite) return refuse('not_finite');
      if (step.blocks.get(node)?.mark === mark) return false;
      if ([...step.blocks.keys()].some((other) => overlap(other, node))) clear(step);
      step.blocks.set(node, { mark, worker });
      step.sum.insert(node, floats);
      return true;
    },
    fold({ step: number, oldestStep, nodes, marks, emptyNodes }) {
      oldest = Math.max(oldest, oldestStep);
      for (const [other, open] of steps) if (other < oldest) close(other, open);
      const step = stepOf(number);
      const wanted = new Map(nodes.map((node, i) => [node, marks[i]]));
      for (const node of emptyNodes) wanted.set(node, zeros);
      const isHere = (node: number): boolean => step.blocks.get(node)?.mark === wanted.get(node);
      const faults = nodes.filter((node) => !isHere(node)).map((node) => faultOf(step, node));
      // What nobody asks for is in some sum: none of them is of use.
      if ([...step.blocks.keys()].some((node) => !isHere(node))) clear(step);
      const missing = nodes.filter((node) => !isHere(node));
      if (missing.length > 0) {
        const known = new Map(faults.map((one) => [one.node, one]));
        const told = missing.map((node) => known.get(node) ?? { node, fault: 'lost' as const, sender: '' });
        step.refused.clear();
        return {
          type: 'missing',
          missing,
          faults: told.map(({ fault }) => fault),
          senders: told.map(({ sender }) => sender),
        };
      }
      for (const node of emptyNodes) {
        if (step.blocks.has(node)) continue;
        step.blocks.set(node, { mark: zeros, worker: '' });
        step.sum.insert(node, null);
      }
      const root = step.sum.root();
      if (root !== null) return { type: 'sum', values: root };
      throw new RangeError(`Expected blocks that cover the tree, got ${[...wanted.keys()].join(', ')}.`);
    },
    get buffers() {
      return pool.made;
    },
  };
}

/** One of them is the other, or is in its subtree. */
function overlap(a: number, b: number): boolean {
  let [upper, lower] = a < b ? [a, b] : [b, a];
  while (lower > upper) lower >>>= 1;
  upper ^= lower;
  return upper === 0;
}

function faultOf(step: Step, node: number): { node: number; fault: SegmentFault; sender: string } {
  const other = step.blocks.get(node);
  if (other !== undefined) return { node, fault: 'differs', sender: other.worker };
  const refused = step.refused.get(node);
  if (refused !== undefined) return { node, fault: refused.fault, sender: refused.worker };
  return { node, fault: 'lost', sender: '' };
}
