import { createHash } from 'node:crypto';
import { readdir, realpath, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { decoderVersion } from '../decode/decode.js';
import { decodeFiles } from '../decode/pool.js';
import { DataError } from '../errors.js';
import { readLabels } from '../folder/labels.js';
import { type FolderListing, listFolder, readLabelFile } from '../folder/listing.js';
import { planLabelled } from '../folder/plan.js';
import { noUsableImage, tooManyRejects } from '../folder/rejects.js';
import type { Preprocessing } from '../preprocessing.js';
import { sampleBytesOf } from '../sample-shape.js';
import type { Pack, PackManifest, Progress } from '../types.js';
import { canonicalJson, isFolderName, samplesPerBlockOf, sealManifest } from './manifest.js';
import { openPackFile, PackDamagedError } from './pack-file.js';
import { createPackWriter } from './pack-writer.js';

export interface PackOptions {
  dataDir: string;
  /** Names below dataDir, each with NAME.csv beside it; the order is the order of the samples. */
  folders: string[];
  preprocessing: Preprocessing;
  cacheDir: string;
  /** Decode threads. The bytes of the pack do not depend on it. */
  threads: number;
  /** More rejects than this are a DataError that lists the first few. */
  maxRejects: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}

/** Packs kept in the cache folder, the ones used last. */
const keptPacks = 8;
/** A half-written pack this old has no process any more. */
const abandonedMs = 24 * 3600 * 1000;
const packFormatVersion = 1;

/**
 * Decodes and preprocesses labelled folders into one packed file of content-hashed blocks, or finds that file in the cache. The
 * cache key is the identity of everything that goes in: names, sizes and times of the files, the CSVs, the preprocessing and the
 * versions of decoder and format. A cached pack is proven by its hashes before it is used; a damaged one is built again, with a note.
 *
 * @throws DataError   folder missing or empty, CSV missing or without the columns, no usable image, too many rejects
 * @throws CacheError  the cache folder cannot be written
 * @throws the signal's reason when it aborts
 */
export async function preparePack(options: PackOptions): Promise<Pack> {
  const { folders, cacheDir, maxRejects, onProgress } = options;
  checkFolders(folders);
  const sources: Source[] = [];
  for (const name of folders) sources.push(await openSource(options.dataDir, name));
  const packFolder = join(cacheDir, 'packs');
  const path = join(packFolder, `${await cacheKey(options, sources)}.onkopack`);

  let damage: string | null = null;
  let pack: Pack | null = null;
  try {
    pack = await openPackFile(path);
  } catch (error) {
    if (!(error instanceof PackDamagedError)) throw error;
    damage = `The packed data set in the cache was damaged (${error.message}) and has been built again: ${path}`;
  }
  if (pack === null) {
    await buildPack(path, sources, options);
    const built = await openPackFile(path);
    if (built === null) throw new DataError(`The packed data set ${path} vanished while it was being built.`);
    pack = { ...built, notes: damage === null ? built.notes : [damage, ...built.notes], fromCache: false };
    await prune(packFolder, path);
  } else {
    onProgress?.({ done: pack.manifest.sampleCount, total: pack.manifest.sampleCount });
    // Marks it as used. Not worth failing for: the folder may be read-only.
    await utimes(path, new Date(), new Date()).catch(() => undefined);
  }
  if (pack.rejects.length > maxRejects) {
    await pack.close();
    throw tooManyRejects(pack.rejects, maxRejects);
  }
  return pack;
}

interface Source {
  name: string;
  listing: FolderListing;
  csvPath: string;
  csv: Uint8Array;
}

function checkFolders(folders: readonly string[]): void {
  if (folders.length === 0)
    throw new DataError('No folder was named: at least one folder of images is needed.');
  for (const [i, name] of folders.entries()) {
    if (!isFolderName(name)) {
      throw new DataError(
        `"${name}" is no folder name: expected one below the data folder, such as training-a.`,
      );
    }
    if (folders.indexOf(name) !== i) throw new DataError(`The folder ${name} is named twice.`);
  }
}

async function openSource(dataDir: string, name: string): Promise<Source> {
  const path = join(dataDir, name);
  const listing = await listFolder(path);
  const { path: csvPath, bytes: csv } = await readLabelFile(path);
  return { name, listing, csvPath, csv };
}

async function cacheKey(options: PackOptions, sources: readonly Source[]): Promise<string> {
  const hash = createHash('sha256');
  const { preprocessing } = options;
  const root = await realpath(options.dataDir);
  hash.update(canonicalJson({ packFormatVersion, decoderVersion, preprocessing, root }));
  for (const { name, listing, csv } of sources) {
    hash.update(JSON.stringify([name, csv.length]));
    hash.update(csv);
    for (const file of listing.files) {
      hash.update(JSON.stringify([file.name, file.sizeBytes, file.modifiedMs]));
    }
  }
  return hash.digest('hex');
}

async function buildPack(path: string, sources: readonly Source[], options: PackOptions): Promise<void> {
  const { preprocessing, threads, onProgress, signal } = options;
  const plans = sources.map((source) => {
    const rows = readLabels(new TextDecoder().decode(source.csv), source.csvPath);
    return { source, plan: planLabelled(source.listing, rows, source.name) };
  });
  const total = plans.reduce((sum, { plan }) => sum + plan.images.length, 0);
  const sampleBytes = sampleBytesOf(preprocessing);
  const samplesPerBlock = samplesPerBlockOf(sampleBytes);
  const writer = await createPackWriter(path, sampleBytes, samplesPerBlock);
  try {
    const names: string[] = [];
    const folders: PackManifest['folders'] = [];
    let done = 0;
    const onDecoded = (): void => {
      done += 1;
      if (done % 32 === 0 || done === total) onProgress?.({ done, total });
    };
    for (const { source, plan } of plans) {
      const first = names.length;
      const paths = plan.images.map(({ file }) => join(source.listing.path, file.name));
      let image = 0;
      for await (const decoded of decodeFiles(paths, { preprocessing, threads, signal })) {
        const { file, label } = plan.images[image++];
        if (decoded.pixels === null) {
          plan.rejects.push({ folder: source.name, name: file.name, reason: decoded.reason });
        } else {
          await writer.add(decoded.pixels, label ?? 0);
          names.push(file.name);
        }
        onDecoded();
      }
      if (names.length === first) throw noUsableImage(source.listing.path, plan.rejects);
      folders.push({ name: source.name, first, count: names.length - first });
    }
    const blocks = await writer.endBlocks();
    const sampleCount = names.length;
    const manifest = sealManifest({
      preprocessing,
      sampleBytes,
      samplesPerBlock,
      sampleCount,
      blocks,
      folders,
    });
    const rejects = plans.flatMap(({ plan }) => plan.rejects);
    const notes = plans.flatMap(({ plan }) => plan.notes);
    await writer.commit({ manifest, names, rejects, notes });
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Old packs and the leftovers of processes that died. Best effort: another process may do the same at this moment. */
async function prune(folder: string, current: string): Promise<void> {
  const entries: { path: string; usedMs: number }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const status = await stat(path).catch(() => null);
    if (status === null || path === current) continue;
    if (name.endsWith('.onkopack')) entries.push({ path, usedMs: status.mtimeMs });
    else if (name.endsWith('.part') && Date.now() - status.mtimeMs > abandonedMs)
      await rm(path, { force: true });
  }
  entries.sort((a, b) => b.usedMs - a.usedMs);
  for (const { path } of entries.slice(keptPacks - 1)) await rm(path, { force: true }).catch(() => undefined);
}
