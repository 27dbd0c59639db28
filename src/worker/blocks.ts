import { createHash } from 'node:crypto';
import { BlockMismatchError, BlockStore, type PackManifest, type SampleReader } from '../data/index.js';

/** Blocks in memory that all threads of the process read without a copy, by hash. */
export type SharedBlocks = ReadonlyMap<string, Uint8Array<SharedArrayBuffer>>;

/**
 * The data blocks of this worker. As a rule they are files, and every thread opens them for itself. Where the folder
 * cannot be written (any more), they are kept in shared memory, and have to be sent to the threads.
 */
export interface WorkerBlocks {
  has: (hash: string) => boolean;
  /** @throws BlockMismatchError if the bytes are not those of the hash */
  put(hash: string, bytes: Uint8Array): Promise<void>;
  /** Numbers of the blocks that hold these samples and are not here, ascending. All samples must be in the pack. */
  missing(manifest: PackManifest, indices: Uint32Array): number[];
  /** A thread did not find the block's file: it has to be put again. After the second time it stays in memory. */
  lose(hash: string): void;
  readonly shared: SharedBlocks;
  close(): void;
}

/** Numbers of the blocks that hold these samples. */
export function blocksOf(manifest: PackManifest, indices: Uint32Array): Set<number> {
  const wanted = new Set<number>();
  for (const index of indices) wanted.add(Math.floor(index / manifest.samplesPerBlock));
  return wanted;
}

/** Once may be another worker that made room; a folder that loses a block again is not to be relied on. */
const lossesToMemory = 2;

export async function openBlocks(o: {
  folder: string;
  /** Of all blocks in the folder; see BlockStore. */
  maxBytes: number;
  onWarning: (message: string) => void;
}): Promise<WorkerBlocks> {
  const shared = new Map<string, Uint8Array<SharedArrayBuffer>>();
  const lost = new Map<string, number>();
  const isLost = (hash: string): boolean => (lost.get(hash) ?? 0) >= lossesToMemory;
  let isWritable = true;
  const store = await BlockStore.open({
    folder: o.folder,
    maxBytes: o.maxBytes,
    onWarning: (message) => {
      isWritable = false;
      o.onWarning(message);
    },
  });
  const has = (hash: string): boolean => shared.has(hash) || (!isLost(hash) && store.has(hash));
  return {
    has,
    async put(hash, bytes) {
      if (has(hash)) return;
      const isFile = isWritable && !isLost(hash);
      if (isFile) await store.put(hash, bytes);
      if (isFile && isWritable) return;
      const found = createHash('sha256').update(bytes).digest('hex');
      if (found !== hash) throw new BlockMismatchError(`Expected a data block ${hash}, got ${found}.`);
      const kept = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
      kept.set(bytes);
      shared.set(hash, kept);
    },
    missing(manifest, indices) {
      const wanted = [...blocksOf(manifest, indices)];
      return wanted.filter((block) => !has(manifest.blocks[block].hash)).toSorted((a, b) => a - b);
    },
    lose(hash) {
      lost.set(hash, (lost.get(hash) ?? 0) + 1);
      store.forget(hash);
    },
    shared,
    close() {
      store.close();
      shared.clear();
    },
  };
}

/** Reads samples from shared memory where their block is there, else from the files. */
export function createSharedReader(
  manifest: PackManifest,
  shared: SharedBlocks,
  files: SampleReader,
): SampleReader {
  const { sampleBytes, samplesPerBlock } = manifest;
  return {
    read(indices, pixels, labels) {
      if (shared.size === 0) return files.read(indices, pixels, labels);
      for (const [i, index] of indices.entries()) {
        const number = Math.floor(index / samplesPerBlock);
        const block = manifest.blocks[number];
        const bytes = block === undefined ? undefined : shared.get(block.hash);
        if (block === undefined || bytes === undefined) {
          const at = pixels.subarray(i * sampleBytes, (i + 1) * sampleBytes);
          files.read(indices.subarray(i, i + 1), at, labels.subarray(i, i + 1));
          continue;
        }
        // labels[samples], then pixels[samples][sampleBytes]
        const within = index - number * samplesPerBlock;
        const start = block.samples + within * sampleBytes;
        labels[i] = bytes[within];
        pixels.set(bytes.subarray(start, start + sampleBytes), i * sampleBytes);
      }
    },
  };
}
