import type { HistoryRow } from '../history.js';
import type { RunStatus } from '../status.js';
import type { Doing } from './doing.js';

/** All that there is to be seen of a run at a moment, for a page that shows it. */
export interface RunView {
  status: RunStatus;
  /** Threads of the workers that take part. */
  threads: number;
  /** By worker; null for one of whom too little is known. */
  doing: ReadonlyMap<string, Doing | null>;
  /** Over all starts of the run. */
  seconds: number;
  epochs: readonly HistoryRow[];
  /** [steps done, mean loss in nats, mean accuracy] of this start, thinned. */
  course: readonly (readonly number[])[];
  /** [seconds of the run, training images per second], thinned. */
  pace: readonly (readonly number[])[];
  /** Of the last validation of this start. confusion[truth][guess] */
  validation: { epoch: number; confusion: Uint32Array } | null;
  gallery: {
    epoch: number;
    width: number;
    height: number;
    channels: number;
    samples: readonly (GallerySample & Guess)[];
  } | null;
  /** What the run is made of. */
  model: { name: string; parameters: number };
  samples: { train: number; validation: number };
}

/** A validation sample that the view shows. */
export interface GallerySample {
  name: string;
  /** [channels][height][width], as prepared. */
  pixels: Uint8Array;
  truth: number;
}

/** What the model takes it for. */
export interface Guess {
  digit: number;
  /** Its probability, 0…1. */
  confidence: number;
}
