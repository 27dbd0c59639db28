import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DataError } from '../errors.js';
import { preprocessingSchema } from '../preprocessing.js';
import { sampleBytesOf } from '../sample-shape.js';
import type { PackManifest } from '../types.js';

/** A block is about this large: small enough for one message, large enough that a data set is some dozens of them. */
const blockBytes = 1024 * 1024;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hexadecimal');
const schema = z.strictObject({
  hash,
  preprocessing: preprocessingSchema,
  sampleBytes: z.int().positive(),
  samplesPerBlock: z.int().positive(),
  sampleCount: z.int().positive().max(0xffffffff),
  blocks: z.array(z.strictObject({ hash, samples: z.int().positive() })),
  folders: z.array(
    z.strictObject({
      // Workers with a local copy join it to their own data folder: it must not lead out of it.
      name: z.string().refine(isFolderName, 'expected a folder name without ".."'),
      first: z.int().nonnegative(),
      count: z.int().positive(),
    }),
  ),
});

/** A relative path that stays below where it starts. */
export function isFolderName(name: string): boolean {
  if (name === '' || name.includes('\0') || name.includes('\\') || /^[a-z]:/i.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** The largest power of two whose block stays below `blockBytes`, at least one. */
export function samplesPerBlockOf(sampleBytes: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(blockBytes / sampleBytes)));
}

export function blockLength(manifest: PackManifest, block: number): number {
  return manifest.blocks[block].samples * (1 + manifest.sampleBytes);
}

/** Completes a manifest with its hash. */
export function sealManifest(content: Omit<PackManifest, 'hash'>): PackManifest {
  return { hash: hashOf(content), ...content };
}

/**
 * Checks a manifest that came over the wire or from a file, its hash included.
 *
 * @throws DataError with the first thing that does not fit
 */
export function parseManifest(json: unknown): PackManifest {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new DataError(
      `The manifest of the data set is not valid at ${issue.path.join('.') || 'its top'}: ${issue.message}.`,
    );
  }
  const manifest = parsed.data;
  const { hash: claimed, ...content } = manifest;
  const problem = inconsistency(manifest);
  if (problem !== null) throw new DataError(`The manifest of the data set contradicts itself: ${problem}.`);
  const found = hashOf(content);
  if (found !== claimed) {
    throw new DataError(`The manifest of the data set has the hash ${found}, but says it is ${claimed}.`);
  }
  return manifest;
}

function inconsistency(manifest: PackManifest): string | null {
  const { preprocessing, sampleBytes, samplesPerBlock, sampleCount, blocks, folders } = manifest;
  if (sampleBytes !== sampleBytesOf(preprocessing)) {
    return `samples of ${sampleBytes} bytes, where the preprocessing makes ${sampleBytesOf(preprocessing)}`;
  }
  for (const [i, { samples }] of blocks.entries()) {
    const expected = Math.min(samplesPerBlock, sampleCount - i * samplesPerBlock);
    if (samples !== expected) return `block ${i} holds ${samples} samples, expected ${expected}`;
  }
  if (blocks.length !== Math.ceil(sampleCount / samplesPerBlock)) {
    return `${blocks.length} blocks for ${sampleCount} samples`;
  }
  let first = 0;
  for (const folder of folders) {
    if (folder.first !== first) return `${folder.name} begins at ${folder.first}, expected ${first}`;
    first += folder.count;
  }
  return first === sampleCount ? null : `the folders hold ${first} samples of ${sampleCount}`;
}

/** Over JSON with sorted keys: the order in which an object was put together does not count. */
function hashOf(content: Omit<PackManifest, 'hash'>): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}
