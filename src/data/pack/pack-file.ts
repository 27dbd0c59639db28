import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Pack, PackManifest, SampleReader } from '../types.js';
import { blockLength, parseManifest } from './manifest.js';
import { magic, type PackFooter, tailBytes } from './pack-writer.js';
import { sha256 } from './sha256.js';

/** A pack file is not what it should be. Internal: the caller builds it again. */
export class PackDamagedError extends Error {
  override readonly name = 'PackDamagedError';
}

/**
 * Opens a pack file and proves it: the footer by its own hash, every block by the manifest's. Pixels are read once for this and let
 * go; labels and names stay.
 *
 * @returns null if there is no such file
 * @throws PackDamagedError
 */
export async function openPackFile(path: string): Promise<Pack | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new PackDamagedError(error instanceof Error ? error.message : String(error));
  }
  try {
    const footer = await readFooter(file);
    const labels = await verifyBlocks(file, footer.manifest);
    return packOver(file, footer, labels);
  } catch (error) {
    await file.close();
    if (error instanceof PackDamagedError) throw error;
    throw new PackDamagedError(error instanceof Error ? error.message : String(error));
  }
}

async function readFooter(file: FileHandle): Promise<PackFooter> {
  const { size } = await file.stat();
  if (size < magic.length + tailBytes) throw new PackDamagedError('it is cut short');
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  if (!tail.subarray(36).equals(magic)) throw new PackDamagedError('its end is missing');
  const length = tail.readUInt32LE(32);
  const start = size - tailBytes - length;
  if (start < magic.length) throw new PackDamagedError('its footer has no room');
  const json = await readExactly(file, start, length);
  if (!createHash('sha256').update(json).digest().equals(tail.subarray(0, 32))) {
    throw new PackDamagedError('its footer has changed');
  }
  // Written by us, as the hash shows; the manifest is still checked, for it leaves this process.
  const footer: PackFooter = JSON.parse(json.toString());
  return { ...footer, manifest: parseManifest(footer.manifest) };
}

/** @returns the labels of all samples */
async function verifyBlocks(file: FileHandle, manifest: PackManifest): Promise<Uint8Array> {
  const labels = new Uint8Array(manifest.sampleCount);
  const buffer = Buffer.alloc(blockLength(manifest, 0));
  for (const [block, { hash, samples }] of manifest.blocks.entries()) {
    const bytes = buffer.subarray(0, blockLength(manifest, block));
    await fill(file, bytes, blockStart(manifest, block));
    if (sha256(bytes) !== hash) {
      throw new PackDamagedError(`block ${block} has changed`);
    }
    labels.set(bytes.subarray(0, samples), block * manifest.samplesPerBlock);
  }
  return labels;
}

function packOver(file: FileHandle, footer: PackFooter, labels: Uint8Array): Pack {
  const { manifest, names, rejects, notes } = footer;
  return {
    manifest,
    labels,
    names(index) {
      const folder = manifest.folders.find(({ first, count }) => index >= first && index < first + count);
      if (folder === undefined) throw sampleRangeError(index, manifest);
      return `${folder.name}/${names[index]}`;
    },
    rejects,
    notes,
    fromCache: true,
    async readBlock(block) {
      if (manifest.blocks[block] === undefined) {
        throw new RangeError(`Expected a block below ${manifest.blocks.length}, got ${block}.`);
      }
      return readExactly(file, blockStart(manifest, block), blockLength(manifest, block));
    },
    reader: packReader(file.fd, manifest, labels),
    close: () => file.close(),
  };
}

function packReader(fd: number, manifest: PackManifest, allLabels: Uint8Array): SampleReader {
  const { sampleBytes, samplesPerBlock } = manifest;
  return {
    read(indices, pixels, labels) {
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i];
        if (index >= manifest.sampleCount) throw sampleRangeError(index, manifest);
        const block = Math.floor(index / samplesPerBlock);
        const within = index - block * samplesPerBlock;
        const position = blockStart(manifest, block) + manifest.blocks[block].samples + within * sampleBytes;
        readFully(fd, pixels, i * sampleBytes, sampleBytes, position);
        labels[i] = allLabels[index];
      }
    },
  };
}

/** Synchronous pread of exactly `length` bytes. @throws RangeError if the file ends before */
export function readFully(
  fd: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  for (let done = 0; done < length; ) {
    const count = readSync(fd, target, offset + done, length - done, position + done);
    if (count === 0)
      throw new RangeError(`Expected ${length} bytes at ${position}, the file ends after ${done}.`);
    done += count;
  }
}

export function sampleRangeError(index: number, manifest: PackManifest): RangeError {
  return new RangeError(`Expected a sample below ${manifest.sampleCount}, got ${index}.`);
}

function blockStart(manifest: PackManifest, block: number): number {
  return magic.length + block * manifest.samplesPerBlock * (1 + manifest.sampleBytes);
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await fill(file, bytes, position);
  return bytes;
}

async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new PackDamagedError('it is cut short');
    done += bytesRead;
  }
}
