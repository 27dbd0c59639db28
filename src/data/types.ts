import type { Preprocessing } from './preprocessing.js';

/** A decoded image: `pixels` holds [height][width][channels], 8 bits each, alpha already laid on white paper. */
export interface RawImage {
  width: number;
  height: number;
  channels: 1 | 3;
  pixels: Uint8Array;
}

/** One file or CSV row that is not in the data set, and why, in words a user can act on. */
export interface Reject {
  folder: string;
  name: string;
  reason: string;
}

/** Everything that identifies a packed data set. It travels to every worker as JSON. */
export interface PackManifest {
  /** SHA-256, hex, over everything that follows: equal hashes mean equal samples in equal order. */
  hash: string;
  preprocessing: Preprocessing;
  /** Bytes of one sample's pixels: channels · height · width. */
  sampleBytes: number;
  samplesPerBlock: number;
  sampleCount: number;
  /** Block i holds samples [i · samplesPerBlock, …); only the last may be short. `hash`: SHA-256 of its bytes. */
  blocks: { hash: string; samples: number }[];
  /** In sample order, each folder a contiguous range. */
  folders: { name: string; first: number; count: number }[];
}

/** Reads samples by index, synchronously: what a training step calls. */
export interface SampleReader {
  /**
   * @param indices sample numbers of the pack, any order, repeats allowed
   * @param pixels  written: [indices.length][sampleBytes]
   * @param labels  written: [indices.length], 0…9
   * @throws RangeError for an index outside the pack; BlockMissingError if its block is not here
   */
  read(indices: Uint32Array, pixels: Uint8Array, labels: Uint8Array): void;
}

/** A packed data set on disk. Labels and names are in memory (a few bytes a sample), pixels are not. */
export interface Pack {
  manifest: PackManifest;
  labels: Uint8Array;
  /** "folder/filename" of a sample. */
  names(index: number): string;
  rejects: Reject[];
  /** Things worth telling the user that are no rejects: files without a CSV row, a rebuilt cache. */
  notes: string[];
  fromCache: boolean;
  /** labels[n], then pixels[n][sampleBytes]: the bytes whose SHA-256 the manifest names. */
  readBlock(block: number): Promise<Uint8Array>;
  reader: SampleReader;
  close(): Promise<void>;
}

export interface Progress {
  done: number;
  total: number;
}
