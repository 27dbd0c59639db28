import type { TimedStep } from './step-timeline.js';

/** Steps that are looked at together, by their median: one that waited for a worker to come back says nothing of the others. */
const stepsPerLook = 128;
/** The first look is not judged: workers fetch their data blocks then. */
const looksSkipped = 1;
/** More than this of a step on the way is worth a line. */
const bearableShare = 1 / 3;

/**
 * Looks at training steps that are over, and says once, in a line with what to change, that too much of them goes on messages. Where steps
 * overlap it says nothing: there a step waits while workers compute others.
 */
export interface TravelWatch {
  /** The line, at the step that completes it; else null. */
  add(step: TimedStep): string | null;
}

/** `overlapping`: several steps are in flight at once; `exact`: neither local SGD nor rounded gradients, which take no delay or no `auto`. */
export function createTravelWatch(options: {
  batch: number;
  overlapping: boolean;
  exact: boolean;
}): TravelWatch {
  let looks = 0;
  let told = false;
  let shares: number[] = [];
  let lengths: number[] = [];
  return {
    add({ mode, startMs, endMs, phases }) {
      if (told || options.overlapping || mode !== 'train' || endMs <= startMs) return null;
      shares.push((phases.broadcast + phases.queue) / (endMs - startMs));
      lengths.push(endMs - startMs);
      if (shares.length < stepsPerLook) return null;
      const [share, ms] = [medianOf(shares), medianOf(lengths)];
      [shares, lengths] = [[], []];
      looks += 1;
      if (looks <= looksSkipped || share <= bearableShare) return null;
      told = true;
      return travelLine(share, ms, options);
    },
  };
}

function travelLine(
  share: number,
  stepMs: number,
  { batch, exact }: { batch: number; exact: boolean },
): string {
  const spent = `${Math.round(share * 100)} % of a step (${stepMs.toFixed(1)} ms) goes on messages, and no worker computes meanwhile.`;
  const larger = `larger batches (--batch ${2 * batch}${exact ? ', or auto' : ''})`;
  const hidden = exact ? ', or let them travel while the next step is computed (--delay 1)' : '';
  return `${spent} To use the workers better, another run could take ${larger}${hidden}; that changes the bits. In this one, fewer workers with more threads each exchange less.`;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
