/** Image folders and their CSVs in, packed and content-hashed samples out. */
import type { Preprocessing } from './preprocessing.js';
import type { Pack, PackManifest, Progress, RawImage, Reject, SampleReader } from './types.js';

export { BlockMismatchError, BlockMissingError, DataError, ImageError } from './errors.js';
export { channelsOf, defaultPreprocessing, type Preprocessing, parsePreprocessing } from './preprocessing.js';
export type { Pack, PackManifest, Progress, RawImage, Reject, SampleReader } from './types.js';

export interface PackOptions {
  dataDir: string;
  /** Names below dataDir; each with `NAME.csv` beside it. */
  folders: string[];
  preprocessing: Preprocessing;
  cacheDir: string;
  /** Decode threads; the bytes of the pack do not depend on it. */
  threads: number;
  /** More rejects than this stop with a DataError that lists the first few. */
  maxRejects: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}
export interface FolderOptions {
  folder: string;
  labelled: boolean;
  preprocessing: Preprocessing;
  threads: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}
export interface FolderSamples {
  names: string[];
  labels: Uint8Array | null;
  pixels: Uint8Array;
  rejects: Reject[];
  notes: string[];
}
export type Validation = { fraction: number } | { folder: string };

export declare function decodeImage(bytes: Uint8Array): Promise<RawImage>;
export declare function preprocess(image: RawImage, p: Preprocessing): Uint8Array;
export declare function preparePack(o: PackOptions): Promise<Pack>;
export declare function loadFolder(o: FolderOptions): Promise<FolderSamples>;
/** Checks shape and hash of a manifest that came over the wire. Throws DataError. */
export declare function parseManifest(json: unknown): PackManifest;
export declare class BlockStore {
  static open(o: { folder: string; onWarning?: (message: string) => void }): Promise<BlockStore>;
  has(hash: string): boolean;
  /** Verifies SHA-256, then stores. Throws BlockMismatchError. */
  put(hash: string, bytes: Uint8Array): Promise<void>;
  /** Block numbers that hold these samples and are not here, ascending. */
  missing(manifest: PackManifest, indices: Uint32Array): number[];
  reader(manifest: PackManifest): SampleReader;
  close(): void;
}
export declare function splitIndices(
  manifest: PackManifest,
  validate: Validation,
  seed: number,
): { train: Uint32Array; validation: Uint32Array };
export declare function epochOrder(train: Uint32Array, seed: number, epoch: number): Uint32Array;
