import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { BlockMismatchError, BlockMissingError } from '../errors.js';
import type { PackManifest, SampleReader } from '../types.js';
import { blockPath, oldestBeyond } from './block-folder.js';
import { readFully, sampleRangeError } from './pack-file.js';
import { sha256, sha256OfFile } from './sha256.js';

/** Block files held open at once: beyond it, the one that was not read for longest is closed. */
const openBlocks = 128;
/** Of those, as many bytes are kept in memory: a read for each image takes a twentieth of the time that a small model computes on it. */
const mostBytesInMemory = 32 * 1024 * 1024;
/** How often a block that is in use says so to whoever makes room in the folder, by its file's time. */
const touchEveryMs = 15_000;

/** One block, open for reading: its labels in memory, its pixels behind `readPixels`. */
interface OpenBlock {
  labels: Uint8Array;
  /** What it takes in memory that goes when it is closed. */
  sizeBytes: number;
  readPixels(within: number, target: Uint8Array, offset: number): void;
  close(): void;
}

/**
 * A worker's data blocks, in a folder by content hash. Several processes and threads may share the folder: a block appears by
 * rename, whole, and its name says what it must contain. What is found there is hashed once per store before it is trusted; a
 * damaged file is removed and counts as missing. Where the folder cannot be written, blocks stay in memory.
 *
 * All reading is synchronous: it belongs on a compute thread, or is small.
 */
export class BlockStore {
  readonly #folder: string;
  readonly #onWarning: (message: string) => void;
  readonly #memory = new Map<string, Uint8Array>();
  /** Blocks on disk whose bytes were found right, and when each last said that it is in use. */
  readonly #verified = new Map<string, number>();
  /** In the order of use, longest unused first. */
  readonly #open = new Map<string, OpenBlock>();
  readonly #maxBytes: number;
  #openBytes = 0;
  #isWritable = true;

  private constructor(folder: string, maxBytes: number, onWarning: (message: string) => void) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#onWarning = onWarning;
  }

  /**
   * @param o.maxBytes of the folder, all runs together; beyond it the blocks that were not used for longest go, but none that
   *   was in use within the last minute. Default: no limit
   * @param o.onWarning told once, if the folder cannot be written and blocks are kept in memory instead
   */
  static async open(o: {
    folder: string;
    maxBytes?: number;
    onWarning?: (message: string) => void;
  }): Promise<BlockStore> {
    const { maxBytes = Number.POSITIVE_INFINITY, onWarning = () => undefined } = o;
    const store = new BlockStore(o.folder, maxBytes, onWarning);
    try {
      mkdirSync(o.folder, { recursive: true });
    } catch (error) {
      store.#keepInMemory(error);
    }
    return store;
  }

  /** Whether the block is here and intact. Looks at the disk again while it is not: another process may bring it. */
  has(hash: string): boolean {
    if (this.#memory.has(hash)) return true;
    if (this.#verified.has(hash)) {
      this.#touch(hash);
      return true;
    }
    const path = this.#path(hash);
    let found: string;
    try {
      found = sha256OfFile(path);
    } catch {
      return false;
    }
    if (found !== hash) {
      this.#remove(path);
      return false;
    }
    this.#verified.set(hash, Number.NEGATIVE_INFINITY);
    this.#touch(hash);
    return true;
  }

  /** Its file was not found, or may not be: it is looked for again. */
  forget(hash: string): void {
    this.#verified.delete(hash);
  }

  /** Keeps a block. @throws BlockMismatchError if the bytes are not those of the hash */
  async put(hash: string, bytes: Uint8Array): Promise<void> {
    const found = sha256(bytes);
    if (found !== hash) {
      throw new BlockMismatchError(
        `Expected a data block with SHA-256 ${hash}, got ${bytes.length} bytes with ${found}.`,
      );
    }
    if (this.has(hash)) return;
    if (this.#isWritable) {
      const path = this.#path(hash);
      const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
      try {
        writeFileSync(temporary, bytes, { flag: 'wx' });
        renameSync(temporary, path);
        this.#verified.set(hash, Date.now());
        this.#makeRoom();
        return;
      } catch (error) {
        this.#remove(temporary);
        this.#keepInMemory(error);
      }
    }
    // A copy: the bytes may be a view into a larger message that would stay alive with them.
    this.#memory.set(hash, bytes.slice());
  }

  /** Block numbers that hold these samples and are not here, ascending. @throws RangeError for a sample outside the pack */
  missing(manifest: PackManifest, indices: Uint32Array): number[] {
    const wanted = new Set<number>();
    for (const index of indices) {
      if (index >= manifest.sampleCount) throw sampleRangeError(index, manifest);
      wanted.add(Math.floor(index / manifest.samplesPerBlock));
    }
    return [...wanted].filter((block) => !this.has(manifest.blocks[block].hash)).toSorted((a, b) => a - b);
  }

  /** Reads samples of a pack from the blocks that are here; throws BlockMissingError with the number of one that is not. */
  reader(manifest: PackManifest): SampleReader {
    const { sampleBytes, samplesPerBlock, sampleCount } = manifest;
    return {
      read: (indices, pixels, labels) => {
        for (let i = 0; i < indices.length; i++) {
          const index = indices[i];
          if (index >= sampleCount) throw sampleRangeError(index, manifest);
          const number = Math.floor(index / samplesPerBlock);
          const within = index - number * samplesPerBlock;
          const block = this.#opened(manifest, number);
          block.readPixels(within, pixels, i * sampleBytes);
          labels[i] = block.labels[within];
        }
      },
    };
  }

  close(): void {
    for (const block of this.#open.values()) block.close();
    this.#open.clear();
    this.#openBytes = 0;
    this.#memory.clear();
    this.#verified.clear();
  }

  #opened(manifest: PackManifest, number: number): OpenBlock {
    const { hash, samples } = manifest.blocks[number];
    const known = this.#open.get(hash);
    if (known !== undefined) {
      this.#open.delete(hash);
      this.#open.set(hash, known);
      return known;
    }
    const block = this.has(hash) ? this.#openBlock(hash, samples, manifest.sampleBytes) : null;
    if (block === null) throw new BlockMissingError(number);
    for (const [oldest, unused] of this.#open) {
      if (this.#open.size < openBlocks) break;
      unused.close();
      this.#openBytes -= unused.sizeBytes;
      this.#open.delete(oldest);
    }
    this.#open.set(hash, block);
    this.#openBytes += block.sizeBytes;
    return block;
  }

  /** @returns null if the file is gone or has another length than the manifest says */
  #openBlock(hash: string, samples: number, sampleBytes: number): OpenBlock | null {
    const length = samples * (1 + sampleBytes);
    const inMemory = this.#memory.get(hash);
    if (inMemory !== undefined)
      return inMemory.length === length ? memoryBlock(inMemory, samples, sampleBytes) : null;
    let fd: number;
    try {
      fd = openSync(this.#path(hash), 'r');
    } catch {
      this.#verified.delete(hash);
      return null;
    }
    if (fstatSync(fd).size !== length) {
      closeSync(fd);
      this.#verified.delete(hash);
      return null;
    }
    if (this.#openBytes + length <= mostBytesInMemory) {
      const bytes = new Uint8Array(length);
      readFully(fd, bytes, 0, length, 0);
      closeSync(fd);
      return { ...memoryBlock(bytes, samples, sampleBytes), sizeBytes: length };
    }
    const labels = new Uint8Array(samples);
    readFully(fd, labels, 0, samples, 0);
    return {
      labels,
      sizeBytes: 0,
      readPixels: (within, target, offset) =>
        readFully(fd, target, offset, sampleBytes, samples + within * sampleBytes),
      close: () => closeSync(fd),
    };
  }

  #path(hash: string): string {
    // It names a file: nothing but a hash may get here, whatever came over the wire.
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new BlockMismatchError(`"${hash}" is no SHA-256.`);
    return blockPath(this.#folder, hash);
  }

  /** Only a sign for others: where it cannot be given, nothing is lost but the block, and that can be fetched. */
  #touch(hash: string): void {
    const now = Date.now();
    if (now - (this.#verified.get(hash) ?? now) < touchEveryMs) return;
    this.#verified.set(hash, now);
    try {
      utimesSync(this.#path(hash), new Date(now), new Date(now));
    } catch {
      this.#verified.delete(hash);
    }
  }

  #makeRoom(): void {
    if (this.#maxBytes === Number.POSITIVE_INFINITY) return;
    for (const { hash, path } of oldestBeyond(this.#folder, this.#maxBytes, Date.now())) {
      this.#verified.delete(hash);
      this.#remove(path);
    }
  }

  #keepInMemory(error: unknown): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    const reason = error instanceof Error ? error.message : String(error);
    this.#onWarning(`Data blocks are kept in memory, since the block cache cannot be written: ${reason}`);
  }

  #remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch {
      // It cannot be written either, then; a block that stays damaged is found damaged each time.
    }
  }
}

function memoryBlock(bytes: Uint8Array, samples: number, sampleBytes: number): OpenBlock {
  return {
    labels: bytes.subarray(0, samples),
    sizeBytes: 0,
    readPixels(within, target, offset) {
      const start = samples + within * sampleBytes;
      target.set(bytes.subarray(start, start + sampleBytes), offset);
    },
    close: () => undefined,
  };
}
