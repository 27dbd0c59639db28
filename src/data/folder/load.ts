import { basename, join, resolve } from 'node:path';
import { decodeFiles } from '../decode/pool.js';
import type { Preprocessing } from '../preprocessing.js';
import { sampleBytesOf } from '../sample-shape.js';
import type { Progress, Reject } from '../types.js';
import { readLabels } from './labels.js';
import { listFolder, readLabelFile } from './listing.js';
import { planLabelled, planUnlabelled } from './plan.js';
import { noUsableImage } from './rejects.js';

export interface FolderOptions {
  folder: string;
  /** Take the labels, and the choice of images, from FOLDER.csv beside the folder. */
  labelled: boolean;
  preprocessing: Preprocessing;
  threads: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}

export interface FolderSamples {
  /** File names, sorted. */
  names: string[];
  /** [n], or null for an unlabelled folder. */
  labels: Uint8Array | null;
  /** [n][channels][height][width] */
  pixels: Uint8Array;
  rejects: Reject[];
  notes: string[];
}

/**
 * A folder in memory, for inference: prepared as a pack would be, without a cache.
 *
 * @throws DataError folder missing or empty, CSV missing or without the columns, no usable image
 */
export async function loadFolder(options: FolderOptions): Promise<FolderSamples> {
  const { labelled, preprocessing, threads, onProgress, signal } = options;
  // Without a trailing slash: FOLDER.csv stands beside FOLDER.
  const folder = resolve(options.folder);
  const listing = await listFolder(folder);
  const name = basename(folder);
  const plan = labelled ? await labelledPlan() : planUnlabelled(listing);

  async function labelledPlan(): Promise<ReturnType<typeof planLabelled>> {
    const { path, bytes } = await readLabelFile(folder);
    return planLabelled(listing, readLabels(new TextDecoder().decode(bytes), path), name);
  }

  const sampleBytes = sampleBytesOf(preprocessing);
  const total = plan.images.length;
  const pixels = new Uint8Array(total * sampleBytes);
  const labels = new Uint8Array(total);
  const names: string[] = [];
  let done = 0;
  const paths = plan.images.map(({ file }) => join(folder, file.name));
  for await (const decoded of decodeFiles(paths, { preprocessing, threads, signal })) {
    const { file, label } = plan.images[done++];
    if (decoded.pixels === null) {
      plan.rejects.push({ folder: name, name: file.name, reason: decoded.reason });
    } else {
      pixels.set(decoded.pixels, names.length * sampleBytes);
      labels[names.length] = label ?? 0;
      names.push(file.name);
    }
    if (done % 32 === 0 || done === total) onProgress?.({ done, total });
  }
  if (names.length === 0) throw noUsableImage(folder, plan.rejects);
  return {
    names,
    labels: labelled ? labels.subarray(0, names.length) : null,
    pixels: pixels.subarray(0, names.length * sampleBytes),
    rejects: plan.rejects,
    notes: plan.notes,
  };
}
