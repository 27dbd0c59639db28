import type { Mode } from '../../protocol/index.js';

/** What does not change while a coordinator runs. */
export interface RunPlan {
  run: string;
  /** Raised by one at every start of a coordinator of this run. */
  fence: number;
  version: string;
  seed: number;
  numericsId: string;
  /** M: leaves of the summation tree. */
  microshards: number;
  /** S: samples in a full microshard. */
  microshardSamples: number;
  /** The same in validation. */
  evaluationLeafSamples: number;
  parameterCount: number;
  classes: number;
  trainSamples: number;
  /** 0 for a run without validation. */
  validationSamples: number;
  epochs: number;
  minWorkers: number;
  workerWaitMs: number | null;
  heartbeatMs: number;
  checkpointEveryMs: number;
  /** Share of the blocks that two workers compute, 0 to 1. */
  auditShare: number;
  /** The weights that are validated are an average, and others than those that are trained. */
  averages: boolean;
  /** Blocks that a full training step is always cut into; null: as many as the threads ask for. */
  gradientBlocks: number | null;
  /** Steps that a gradient is late by: so many more than one are in flight at once. */
  delay: number;
  /** In asynchronous training: updates that a gradient may miss; null where steps are applied in their order. */
  staleness: number | null;
  /** Ranges of the parameters that reducers sum; 0: the coordinator sums. */
  reducers: number;
  /** How to start a worker, for the line that waits for one; null where they start by themselves. */
  workerCommand: string | null;
  patience: Patience;
}

/** When the coordinator grows impatient. */
export interface Patience {
  /** A block is never sent again for being slow before this. */
  redispatchFloorMs: number;
  /** The same while too few blocks came back to know what is usual. */
  redispatchUnknownMs: number;
  /** Different workers that may fail on (or die holding) a block before it is quarantined. */
  failuresToQuarantine: number;
  /** Between two lines about the same wait. */
  reportEveryMs: number;
  /** A wait shorter than this is not worth a line. */
  reportAfterMs: number;
  /** Between two calls for workers to say hello. */
  announceEveryMs: number;
}

export const defaultPatience: Patience = {
  redispatchFloorMs: 5_000,
  redispatchUnknownMs: 60_000,
  failuresToQuarantine: 2,
  reportEveryMs: 10_000,
  reportAfterMs: 5_000,
  announceEveryMs: 5_000,
};

/** How far the run is, in whole steps: what a checkpoint says. */
export interface Position {
  /** Whole steps done, which is also the version of the parameters. */
  step: number;
  /** Those among them that were done before an earlier one, ascending; none but in asynchronous training. */
  ahead: readonly number[];
  /** Epochs that have their line in the history: at most the whole epochs done. */
  recordedEpochs: number;
}

export interface WorkerEntry {
  worker: string;
  host: string;
  threads: number;
  /** Name of its kernels; '' while it has not said. */
  kernels: string;
  /** `offered`: was told about the run; `ready`: takes tasks. */
  state: 'offered' | 'ready';
  lastSeenMs: number;
  /** From its last heartbeat; null before the first. */
  vitals: Vitals | null;
}

export interface Vitals {
  atMs: number;
  nodes: number[];
  images: number;
  /** Between its last two heartbeats; null before the second. */
  imagesPerSecond: number | null;
  eventLoopLagMs: number;
  rssBytes: number;
  /** Counted by the worker since it was started: time of its threads, data blocks that it had and had not, reconnects. */
  busyMs: number;
  cacheHits: number;
  cacheMisses: number;
  reconnects: number;
}

/** A worker that computed wrongly. It is known by its name, and by its machine if it comes back under another one. */
export interface ExpelledWorker {
  worker: string;
  host: string;
  reason: string;
}

/** What a worker says that a block comes to. */
export interface Vote {
  worker: string;
  hash: string;
  /** It has said so twice. */
  repeated: boolean;
}

/** Of a block that is computed twice: nothing is folded before two workers agree. */
export interface Audit {
  votes: Vote[];
  /** Who was asked for the next vote; null before the first one, and when nobody is left to ask. */
  asked: string | null;
}

/** One block of a front. */
export interface Unit {
  /** 0 in training. */
  pass: number;
  node: number;
  samples: number;
  /** Attempts published so far, minus one. */
  attempt: number;
  /** How many of them were for being slow: each of these waits twice as long as the one before. */
  slowSends: number;
  publishedAtMs: number;
  /** Workers that said they have it in hand, the latest last. */
  holders: string[];
  failures: Failure[];
  /** Null for a block that one worker is trusted with. */
  audit: Audit | null;
  /** The first result: whose, and its fingerprint. Null while it is outstanding. */
  accepted: { worker: string; hash: string } | null;
}

export interface Failure {
  worker: string;
  how: 'failed' | 'died' | 'not_finite' | 'wrong_length' | 'differs';
  reason: string;
}

/** One range of the parameters, and who sums it. */
export interface RangeEntry {
  /** Who holds it, or was offered it; null while it is free. */
  reducer: string | null;
  host: string;
  /** It said that it gets the segments. */
  held: boolean;
  lastSeenMs: number;
  /** Who held it last and does no more; null if nobody did. */
  before: { reducer: string; host: string; lastSeenMs: number } | null;
}

/** What reducers were asked for when all blocks of a step were accepted. */
export interface Reduction {
  /** Names the list of blocks: another list has another number. */
  attempt: number;
  /** Ranges whose sum is not here yet. */
  awaited: number[];
  asks: number;
  askedAtMs: number;
}

/** The blocks being computed: one training step, or the validation after one. */
export interface Front {
  mode: Mode;
  step: number;
  /** That its blocks are computed on; in asynchronous training the oldest that they may be. */
  weightsVersion: number;
  /** Subtrees that cover the root; fixed as long as the front is open. */
  cut: readonly number[];
  /** Samples of the step, or of the whole validation. */
  samples: number;
  /** Passes opened so far, and all there will be; 1 of 1 in training. */
  openedPasses: number;
  passes: number;
  units: Unit[];
  /** Two results for one of its blocks differed: all of them are audited now. */
  suspect: boolean;
  /** Null until reducers were asked, and always in a run without them. */
  reduction: Reduction | null;
}

/** Ledger of a front that is closed, to recognise late twins. */
export interface ClosedFront {
  mode: Mode;
  step: number;
  units: { pass: number; node: number; worker: string; hash: string }[];
}

export type Phase =
  /** Waits for `minWorkers`. */
  | 'gathering'
  /** Fronts are open, or will be as soon as a worker is there. */
  | 'working'
  /** The performer applies a step or records an epoch, and tells when it has. */
  | 'performing'
  /** The last checkpoint is on its way to the disk. */
  | 'ending'
  | 'ended';

export type Link = { type: 'up' } | { type: 'blocked'; reason: string } | { type: 'down'; reason: string };

/** All bookkeeping of a coordinator; plain data, no tensors. */
export interface CoordinatorState {
  plan: RunPlan;
  phase: Phase;
  position: Position;
  workers: WorkerEntry[];
  /** One entry for each range that reducers sum. */
  ranges: RangeEntry[];
  /** Reductions asked for so far. */
  reductions: number;
  /** The last workers that went, newest last: for the waiting lines, and to know them again. */
  gone: WorkerEntry[];
  expelled: ExpelledWorker[];
  /** Results that others showed to be wrong, per worker. */
  strikes: Record<string, number>;
  /**
   * Those that are open, oldest first: consecutive training steps, of which `position.step` is the first; or a validation, alone. In
   * asynchronous training the steps are any of their epoch, and those that are whole stand in the order in which they became so.
   */
  fronts: Front[];
  /** Of the parameters that were broadcast last, in asynchronous training; else null. */
  broadcastVersion: number | null;
  /** The last ones, oldest first: as many as may be open at once. */
  closed: ClosedFront[];
  /** When a block last came back, or a front was opened. */
  lastProgressMs: number;
  /** Milliseconds from publishing to result of the last blocks, by mode. */
  durations: Record<Mode, number[]>;
  link: Link;
  /** `wanted`: another one is due as soon as the one in flight is on disk. */
  checkpoint: { inFlight: boolean; wanted: boolean; savedAtMs: number };
  /** The loss is suspiciously high: what is on disk from before is kept, and nothing is added to it. */
  rising: boolean;
  /** The validation has not become better for long enough: no further epoch begins. */
  exhausted: boolean;
  /** The wait that was reported last, in short; null while nothing is waited for. */
  reportedWait: string | null;
  outcome: 'finished' | 'stopped' | null;
  /** Since when there are too few workers; null while there are enough. */
  shortSinceMs: number | null;
  lastTickMs: number;
  lastAnnounceMs: number;
  lastReportMs: number;
}

export function initialState(plan: RunPlan, position: Position, nowMs: number): CoordinatorState {
  return {
    plan,
    phase: 'gathering',
    position,
    workers: [],
    ranges: Array.from({ length: plan.reducers }, () => ({
      reducer: null,
      host: '',
      held: false,
      lastSeenMs: nowMs,
      before: null,
    })),
    reductions: 0,
    gone: [],
    expelled: [],
    strikes: {},
    fronts: [],
    broadcastVersion: null,
    closed: [],
    lastProgressMs: nowMs,
    durations: { train: [], evaluate: [] },
    link: { type: 'up' },
    checkpoint: { inFlight: false, wanted: false, savedAtMs: nowMs },
    rising: false,
    exhausted: false,
    reportedWait: null,
    outcome: null,
    shortSinceMs: nowMs,
    lastTickMs: nowMs,
    lastAnnounceMs: nowMs,
    lastReportMs: nowMs,
  };
}

/** Samples of a full leaf of the tree. */
export const leafSamples = (plan: RunPlan, mode: Mode): number =>
  mode === 'train' ? plan.microshardSamples : plan.evaluationLeafSamples;
/** Samples of a full pass over the tree: a step of training, or one pass of a validation. */
export const passSamples = (plan: RunPlan, mode: Mode): number => plan.microshards * leafSamples(plan, mode);
export const stepsPerEpoch = (plan: RunPlan): number =>
  Math.ceil(plan.trainSamples / passSamples(plan, 'train'));
/** Whether all steps of the epoch that is recorded next are done: then its validation is next. */
export const epochIsOver = ({ plan, position }: Pick<CoordinatorState, 'plan' | 'position'>): boolean =>
  position.step === (position.recordedEpochs + 1) * stepsPerEpoch(plan);
export const totalSteps = (plan: RunPlan): number => plan.epochs * stepsPerEpoch(plan);
export const readyWorkers = (state: CoordinatorState): WorkerEntry[] =>
  state.workers.filter((entry) => entry.state === 'ready');
/** Whether every range that reducers sum has one. */
export const rangesAreHeld = ({ ranges }: CoordinatorState): boolean => ranges.every(({ held }) => held);
export const readyThreads = (state: CoordinatorState): number =>
  readyWorkers(state).reduce((sum, entry) => sum + entry.threads, 0);
