import { LANES } from './kernels/kernels.js';

/** What a batch came to. */
export interface Tally {
  samples: number;
  /** Cross-entropy summed over the samples in their order, in nats. */
  lossSum: number;
  correct: number;
  /** [truth][guess], classes² counts */
  confusion: Uint32Array;
}

export function createTally(classes: number): Tally {
  return { samples: 0, lossSum: 0, correct: 0, confusion: new Uint32Array(classes * classes) };
}

/** losses[16], logits[classes,16], labels[16]: adds the first `lanes` samples, in their order. */
export function tallyLanes(
  tally: Tally,
  losses: Float64Array,
  logits: Float32Array,
  labels: Uint8Array,
  lanes: number,
  classes: number,
): void {
  for (let lane = 0; lane < lanes; lane++) {
    const truth = labels[lane];
    const guess = likeliest(logits, lane, classes);
    tally.lossSum += losses[lane];
    tally.correct += guess === truth ? 1 : 0;
    tally.confusion[truth * classes + guess]++;
  }
  tally.samples += lanes;
}

/** The class of the largest logit; of equals the first. */
function likeliest(logits: Float32Array, lane: number, classes: number): number {
  let guess = 0;
  for (let k = 1; k < classes; k++) {
    if (logits[k * LANES + lane] > logits[guess * LANES + lane]) guess = k;
  }
  return guess;
}
