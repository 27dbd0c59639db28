/**
 * What the live page shows, in sections: a section travels when it has changed. Shares are 0…1, losses nats per sample, points of a
 * line [x, y].
 */
export interface PageState {
  run: RunSection;
  progress: ProgressSection;
  lines: LinesSection;
  phases: PhasesSection | null;
  workers: WorkersSection;
  /** Null where the coordinator sums the gradients. */
  reducers: ReducersSection | null;
  /** The last epochs that are over. */
  epochs: EpochRow[];
  validation: ValidationSection | null;
  gallery: GallerySection | null;
  /** The newest last. */
  messages: Message[];
}

/** The state at a moment. The lines are most of the work and of the bytes, so they are made only when they are due. */
export interface PageReading extends Omit<PageState, 'lines'> {
  lines: () => LinesSection;
}

export interface RunSection {
  name: string;
  /** Of Onko. */
  version: string;
  /** What it is, for people: model, its size, data, batch. */
  facts: { name: string; value: string }[];
  classes: string[];
}

export type PagePhase =
  | 'preparing'
  | 'gathering'
  | 'training'
  | 'validating'
  | 'finished'
  | 'stopped'
  | 'failed';

export interface ProgressSection {
  phase: PagePhase;
  /** What is waited for, or why the run ended; null while everything flows. */
  note: string | null;
  /** 1 for the first; 0 before it. */
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  /** Of the epoch so far. */
  loss: number | null;
  accuracy: number | null;
  validationAccuracy: number | null;
  learningRate: number | null;
  imagesPerSecond: number | null;
  /** Of the whole run, over all its starts. */
  seconds: number;
  etaSeconds: number | null;
  workers: number;
  threads: number;
  /** Ranges of the parameters that lack a reducer; 0 where the coordinator sums. */
  freeRanges: number;
}

export type Point = [x: number, y: number];

/** At most some hundreds of points each, however long the run. */
export interface LinesSection {
  /** Over the steps: means of neighbouring steps. */
  loss: Point[];
  accuracy: Point[];
  /** Over the steps: one point per validation. */
  validationLoss: Point[];
  validationAccuracy: Point[];
  /** Training images per second, over the seconds of the run. */
  throughput: Point[];
}

/** Mean milliseconds per step, of the last steps. */
export interface PhasesSection {
  stepMs: number;
  phases: { name: string; what: string; ms: number }[];
}

export interface WorkersSection {
  rows: WorkerRow[];
  /** How many more there are that are not shown. */
  more: number;
}

export interface WorkerRow {
  name: string;
  host: string;
  kernels: string;
  threads: number;
  state: 'ready' | 'preparing';
  lastSeenSeconds: number;
  imagesPerSecond: number | null;
  /** Blocks in hand. */
  blocks: number;
  /** Shares of its threads' time, together 1; null while they are not known. */
  doing: { computing: number; waiting: number; fetching: number } | null;
}

export interface ReducersSection {
  /** In their order. */
  rows: RangeRow[];
  /** Those that the run waits for; none once it is over. */
  free: number[];
}

/** A range of the parameters, and who sums the gradients over it. */
export interface RangeRow {
  /** From 0. */
  range: number;
  /** Values in it, and their share of all. */
  parameters: number;
  share: number;
  /** Null while it is free. */
  reducer: string | null;
  host: string;
  state: 'held' | 'offered' | 'free';
  lastSeenSeconds: number | null;
  /** Steps that wait for its sum. */
  awaited: number[];
  /** Who held it last, while nobody does. */
  before: { reducer: string; lastSeenSeconds: number } | null;
}

export interface EpochRow {
  epoch: number;
  trainLoss: number;
  trainAccuracy: number;
  validationLoss: number | null;
  validationAccuracy: number | null;
  seconds: number;
}

export interface ValidationSection {
  epoch: number;
  /** [truth][guess] */
  confusion: number[][];
}

export interface GallerySection {
  epoch: number;
  samples: {
    /** A data: URL. */
    picture: string;
    name: string;
    truth: string;
    guess: string;
    confidence: number;
  }[];
}

export interface Message {
  /** Since 1970. */
  atMs: number;
  level: 'info' | 'warn' | 'error';
  text: string;
}
