/** What is said in runs whose gradients reducers sum, each over one range of the parameters (`rangesOf`). */

/** Why a reducer cannot sum a segment: it did not come, or what came was not what the result spoke of. */
export type SegmentFault = 'lost' | 'not_finite' | 'wrong_length' | 'differs';

// ---- coordinator → one reducer ----------------------------------------------------------------

/** Sent to a reducer that said hello, if a range is free: sum this one. */
export interface RangeOffer {
  type: 'range_offer';
  run: string;
  fence: number;
  /** Which of the ranges, from 0, and how many there are. */
  range: number;
  ranges: number;
  /** Of the whole model: `rangesOf` says which of them are in the range. */
  parameterCount: number;
  /** A RangeHeld is due this often. */
  heartbeatMs: number;
}

/** Sum these blocks of a step, in tree order. Comes after their segments, on the same queue. */
export interface FoldRange {
  type: 'fold_range';
  run: string;
  fence: number;
  range: number;
  step: number;
  /** Names the list of blocks: the sum carries it. */
  attempt: number;
  /** Steps before it are over. */
  oldestStep: number;
  /** Blocks that cover the root, and the mark of the segment wanted of each. */
  nodes: number[];
  marks: string[];
  /** The rest of the tree: blocks without samples, whose sums are zeros. */
  emptyNodes: number[];
}

// ---- reducer → coordinator --------------------------------------------------------------------

/** To the lobby: here is a reducer. */
export interface ReducerHello {
  type: 'reducer_hello';
  reducer: string;
  host: string;
  pid: number;
  numericsId: string;
  kernels: string;
  version: string;
}

/** The reducer gets the segments of its range; also its sign of life. */
export interface RangeHeld {
  type: 'range_held';
  run: string;
  fence: number;
  reducer: string;
  range: number;
}

/** The sum of a range over the blocks that were asked for; or, if some are missing, which ones and why. */
export interface RangeSum {
  type: 'range_sum';
  run: string;
  fence: number;
  reducer: string;
  range: number;
  step: number;
  attempt: number;
  missing: number[];
  /** Of each missing block: what is wrong, and who sent what came; '' if nothing did. */
  faults: SegmentFault[];
  senders: string[];
  /** f32, little-endian; empty if something is missing. */
  values: Uint8Array;
}

/** The reducer leaves. */
export interface RangeReleased {
  type: 'range_released';
  run: string;
  reducer: string;
  reason: string;
}

// ---- worker → reducer -------------------------------------------------------------------------

/** The part of a block's gradient that is in one range. Goes out before the result. */
export interface Segment {
  type: 'segment';
  run: string;
  fence: number;
  step: number;
  node: number;
  worker: string;
  range: number;
  /** f32, little-endian. */
  values: Uint8Array;
}
