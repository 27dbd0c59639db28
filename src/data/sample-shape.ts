import type { Preprocessing } from './preprocessing.js';

// Apart from the schema: decode threads need these two lines and none of what validates.

/** Colour channels of a prepared sample. */
export function channelsOf(p: Preprocessing): 1 | 3 {
  return p.color === 'rgb' ? 3 : 1;
}

/** Bytes of a prepared sample: [channels][height][width]. */
export function sampleBytesOf(p: Preprocessing): number {
  return channelsOf(p) * p.height * p.width;
}
