import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CacheError } from '../errors.js';
import type { PackManifest, Reject } from '../types.js';
import { sha256 } from './sha256.js';

/**
 * A pack file: magic, blocks one after the other, footer (JSON), SHA-256 of the footer (32 bytes), length of the footer (u32, little
 * endian), magic. The footer comes last because the hashes in it are known last; a file that was cut has no magic at its end.
 */
export const magic = Buffer.from('ONKOPACK');
export const tailBytes = 32 + 4 + magic.length;

/** What the footer says. `names`: file name of every sample, without its folder. */
export interface PackFooter {
  manifest: PackManifest;
  names: string[];
  rejects: Reject[];
  notes: string[];
}

/** Collects samples into blocks and streams them to disk: one block is in memory at a time. */
export interface PackWriter {
  add(pixels: Uint8Array, label: number): Promise<void>;
  /** Blocks so far; the last, short one is closed by this call. */
  endBlocks(): Promise<PackManifest['blocks']>;
  /** Writes the footer and puts the file in its place, at once and whole. */
  commit(footer: PackFooter): Promise<void>;
  /** Removes what is not committed. */
  discard(): Promise<void>;
}

/** @throws CacheError, as all of the writer's functions do, when the disk is full or the folder may not be written */
export async function createPackWriter(
  path: string,
  sampleBytes: number,
  samplesPerBlock: number,
): Promise<PackWriter> {
  // A name of its own: two processes may build the same pack, and the later rename wins with the same bytes.
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  const guarded = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw cacheError(error, dirname(path));
    }
  };
  const file: FileHandle = await guarded(async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(temporary, 'wx');
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await file.close();
  };
  const write = (bytes: Uint8Array): Promise<unknown> => guarded(() => file.writeFile(bytes));

  const block = Buffer.alloc(samplesPerBlock * (1 + sampleBytes));
  const blocks: PackManifest['blocks'] = [];
  let filled = 0;
  const endBlock = async (): Promise<void> => {
    if (filled === 0) return;
    // Labels come first; in a short block the pixels move up behind them.
    if (filled < samplesPerBlock) {
      block.copyWithin(filled, samplesPerBlock, samplesPerBlock + filled * sampleBytes);
    }
    const bytes = block.subarray(0, filled * (1 + sampleBytes));
    blocks.push({ hash: sha256(bytes), samples: filled });
    await write(bytes);
    filled = 0;
  };

  await write(magic);
  return {
    async add(pixels, label) {
      block[filled] = label;
      block.set(pixels, samplesPerBlock + filled * sampleBytes);
      filled += 1;
      if (filled === samplesPerBlock) await endBlock();
    },
    async endBlocks() {
      await endBlock();
      return blocks;
    },
    async commit(footer) {
      const json = Buffer.from(JSON.stringify(footer));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(json.length);
      const digest = createHash('sha256').update(json).digest();
      await write(Buffer.concat([json, digest, length, magic]));
      await guarded(async () => {
        await close();
        await rename(temporary, path);
      });
    },
    async discard() {
      await close();
      await rm(temporary, { force: true });
    },
  };
}

function cacheError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    EROFS: 'its file system is read-only',
    ENOTDIR: 'part of its path is a file',
    EEXIST: 'part of its path is a file',
  };
  const reason = reasons[String(error.code)] ?? error.message;
  return new CacheError(
    `The packed data set cannot be written to ${folder}: ${reason}. Free space there or name another cache folder.`,
  );
}
