import type {
  FoldRange,
  RangeHeld,
  RangeOffer,
  RangeReleased,
  RangeSum,
  ReducerHello,
  Segment,
} from './reduce-messages.js';

/**
 * What coordinator and workers say to one another, as plain objects. `proto/onko/v1` describes the same
 * messages on the wire; `codec.ts` goes between the two.
 *
 * Tensors are bytes here: this layer knows lengths, not arithmetic.
 */

/** Both kinds of work share the tree: summed gradients, or summed losses and hits only. */
export type Mode = 'train' | 'evaluate';

/** How the values of a tensor stand in its bytes; the arithmetic is the engine's (src/engine/encodings.ts). */
export type Encoding = 'f32' | 'bf16' | 'fp16' | 'int8';

/** Of a gradient, which may also be thinned out to its largest values (src/engine/sparse.ts). */
export type GradientEncoding = Encoding | 'topk';

/** How a run ended, as told to its workers. */
export type Outcome = 'finished' | 'stopped' | 'failed';

// ---- coordinator → one worker, or all of them -------------------------------------------------

/** Sent to a worker that said hello: everything it needs to take part, apart from weights and images. */
export interface RunOffer {
  type: 'offer';
  run: string;
  /** Raised by one at every start of a coordinator of this run. */
  fence: number;
  seed: number;
  /** M, a power of two: leaves of the summation tree. */
  microshards: number;
  /** S, a multiple of 16: samples in a full microshard of training. */
  microshardSamples: number;
  numericsId: string;
  modelSpecJson: string;
  /** The manifest of the packed data set, and what else the worker needs to read it. */
  manifestJson: string;
  /** Length of the flat parameter vector, in f32 values. */
  parameterCount: number;
  heartbeatMs: number;
  coordinatorVersion: string;
  /** What to do to training images; empty: nothing. */
  augmentationJson: string;
  /** Label smoothing and class weights; empty: the plain cross-entropy. */
  lossJson: string;
  /** How a leaf of the tree trains by itself in local SGD, its microshardSamples cut into steps; empty: it is a microshard. */
  localTrainingJson: string;
  /** Of the gradient in each result. */
  gradientEncoding: GradientEncoding;
  /** Values of a gradient that `topk` keeps; 0 with every other encoding. */
  gradientsKept: number;
  /** How many versions older than the newest ones the weights of a task may be. */
  staleness: number;
  /** Training tasks are computed on the newest weights that are there; those that a task names are the oldest that will do. */
  newestWeights: boolean;
  /** K: ranges that each gradient is cut into, with a reducer each (`rangesOf`); 0: gradients go to the coordinator whole. */
  reducers: number;
}

/** One block of one step: an aligned subtree whose node the worker computes. */
export interface Task {
  type: 'task';
  run: string;
  fence: number;
  step: number;
  /** 0 in training; tells evaluation passes of one step apart. */
  pass: number;
  /** The weights to use; see `Weights`. */
  weightsVersion: number;
  /** Heap index of the block: the root is 1, the leaves are M … 2M−1. */
  node: number;
  mode: Mode;
  /** Sample indices of all microshards of the block, in leaf order. */
  samples: Uint32Array;
  /** 0 for the first dispatch of this node, one more for each further one. */
  attempt: number;
  /** Samples per microshard of this task: S in training. Only the last microshards may hold fewer. */
  evaluationSamples: number;
  /** Of the training step, from 0: what is drawn for a sample is keyed by it. */
  epoch: number;
  /** Where images are augmented, those of the same block in the next step of the epoch, as a hint: they can be made ready before its weights are there. Else empty. */
  nextSamples: Uint32Array;
}

/**
 * The parameters before step `version`; only the newest matter, and as many before them as the offer says. With averaging, 2s + 1 are those before step s, and 2s their average.
 */
export interface Weights {
  type: 'weights';
  run: string;
  fence: number;
  version: number;
  encoding: Encoding;
  /** `parameterCount` values, little-endian. */
  parameters: Uint8Array;
}

/** To every worker in the lobby: say hello (again). */
export interface Announce {
  type: 'announce';
  run: string;
}

/** To a worker that cannot take part, in a sentence. */
export interface Refuse {
  type: 'refuse';
  run: string;
  reason: string;
}

/** The answer to a BlockRequest. */
export interface BlockResponse {
  type: 'block_response';
  run: string;
  block: number;
  /** SHA-256 of `bytes`, hex. */
  hash: string;
  bytes: Uint8Array;
  /** '' if the block is there, else why it is not. */
  error: string;
}

/** To one worker: hand in what you compute, take nothing new. */
export interface DrainWorker {
  type: 'drain';
  run: string;
  worker: string;
}

/** From an observer to one worker: finish what is in hand and leave, whatever run it is of. */
export interface DrainRequest {
  type: 'drain_request';
  worker: string;
  /** Who asks. */
  reason: string;
}

/** To all workers of the run. */
export interface EndOfRun {
  type: 'end_of_run';
  run: string;
  fence: number;
  outcome: Outcome;
  reason: string;
}

// ---- worker → coordinator ---------------------------------------------------------------------

/** To the lobby, where every coordinator listens: here is a worker. */
export interface Hello {
  type: 'hello';
  worker: string;
  host: string;
  pid: number;
  threads: number;
  numericsId: string;
  kernels: string;
  version: string;
}

/** The worker has joined the run (its queues are bound) and wants the weights. */
export interface Ready {
  type: 'ready';
  run: string;
  fence: number;
  worker: string;
  threads: number;
}

export interface Heartbeat {
  type: 'heartbeat';
  run: string;
  fence: number;
  worker: string;
  /** Tree nodes in hand, and the step of each. */
  nodes: number[];
  steps: number[];
  /** Images computed since it joined. */
  images: number;
  rssBytes: number;
  eventLoopLagMs: number;
  /** Since the worker was started: time of compute threads on blocks, data blocks that were here and that were not, reconnects. */
  busyMs: number;
  cacheHits: number;
  cacheMisses: number;
  reconnects: number;
}

export interface TaskFailed {
  type: 'task_failed';
  run: string;
  fence: number;
  step: number;
  pass: number;
  node: number;
  worker: string;
  reason: string;
  samples: Uint32Array;
}

export interface Goodbye {
  type: 'goodbye';
  run: string;
  worker: string;
  reason: string;
}

export interface BlockRequest {
  type: 'block_request';
  run: string;
  worker: string;
  /** Index into the manifest's blocks. */
  block: number;
  /** SHA-256 of the block, hex. */
  hash: string;
}

/** From an observer to every coordinator. */
export interface StatusRequest {
  type: 'status_request';
  observer: string;
}

/** The answer, to the observer that asked. */
export interface StatusReport {
  type: 'status_report';
  run: string;
  fence: number;
  statusJson: string;
}

/** One computed node. */
export interface Result {
  type: 'result';
  run: string;
  fence: number;
  step: number;
  pass: number;
  weightsVersion: number;
  node: number;
  mode: Mode;
  worker: string;
  samples: number;
  /** Sum of the losses, nats, f64. */
  lossSum: number;
  correct: number;
  /** [truth][guess], classes² counts; empty where the task asks for none. */
  confusion: Uint32Array;
  encoding: GradientEncoding;
  /** Sum of the gradients over the samples, little-endian; empty for evaluate. */
  gradient: Uint8Array;
  /** Time spent on fetching data blocks, on waiting for weights or a thread, on computing; one after the other from `takenAtMs`. */
  fetchMs: number;
  waitMs: number;
  computeMs: number;
  /** By the worker's own clock: when the task came, and when its result was handed to the transport. */
  takenAtMs: number;
  sentAtMs: number;
  /** Compute thread of the worker, from 0; of several that shared the block, the first. */
  thread: number;
  /** How many shared it: `computeMs` lasts until all were done and their sums added. 0, from a worker that does not say: one. */
  threads: number;
  /** In a run with reducers, in training: the mark (fingerprint) of each range's segment, and no gradient. Else empty. */
  segmentMarks: string[];
  /** How many of the segments hold values that are not finite. */
  badSegments: number;
}

export type ToCoordinator =
  | Hello
  | Ready
  | Heartbeat
  | TaskFailed
  | Goodbye
  | BlockRequest
  | Result
  | StatusRequest
  | ReducerHello
  | RangeHeld
  | RangeSum
  | RangeReleased;
export type ToWorker = RunOffer | Announce | Refuse | BlockResponse | DrainWorker | DrainRequest | EndOfRun;
export type ToReducer = RangeOffer | FoldRange | Segment | Announce | Refuse | EndOfRun;
export type Message = ToCoordinator | ToWorker | ToReducer | Task | Weights | StatusReport;
export type MessageType = Message['type'];
