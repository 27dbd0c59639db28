import type { Preprocessing } from '../preprocessing.js';

/** What a decode thread is started with. */
export interface DecodeRecipe {
  preprocessing: Preprocessing;
  sampleBytes: number;
}

export interface DecodeRequest {
  id: number;
  paths: string[];
}

/** `pixels` [paths.length][sampleBytes]; the samples of files with a reason are undefined in it. */
export interface DecodeAnswer {
  id: number;
  pixels: Uint8Array<ArrayBuffer>;
  /** Per path: why it is no sample, or null. */
  reasons: (string | null)[];
}
