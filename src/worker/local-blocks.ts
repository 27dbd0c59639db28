import { type PackManifest, preparePack } from '../data/index.js';

export interface LocalBlocksOptions {
  dataDir: string;
  manifest: PackManifest;
  has: (hash: string) => boolean;
  put: (hash: string, bytes: Uint8Array) => Promise<void>;
  cacheDir: string;
  threads: number;
  signal: AbortSignal;
}

/**
 * Packs the copy of the data set on this machine as the coordinator packed its own, and takes over the blocks that
 * came out the same. A copy that differs, or is no data set at all, costs nothing but the fetch of what differs.
 *
 * @returns a sentence for the log: how many blocks agreed
 * @throws DataError if the folders cannot be read as a data set
 */
export async function takeLocalBlocks(options: LocalBlocksOptions): Promise<string> {
  const { dataDir, manifest, has, put, cacheDir, threads, signal } = options;
  const wanted = manifest.blocks.filter((block) => !has(block.hash)).length;
  if (wanted === 0) return `All ${manifest.blocks.length} data blocks are in the cache already.`;
  const pack = await preparePack({
    dataDir,
    folders: manifest.folders.map((folder) => folder.name),
    preprocessing: manifest.preprocessing,
    cacheDir,
    threads,
    maxRejects: Number.MAX_SAFE_INTEGER,
    signal,
  });
  try {
    const expected = new Set(manifest.blocks.map((block) => block.hash));
    let matched = 0;
    for (const [index, { hash }] of pack.manifest.blocks.entries()) {
      if (!expected.has(hash)) continue;
      matched += 1;
      if (!has(hash)) await put(hash, await pack.readBlock(index));
    }
    const rest = matched === expected.size ? '' : '; the others come over the broker';
    return `Local data in ${dataDir}: ${matched} of ${expected.size} blocks match the run's${rest}.`;
  } finally {
    await pack.close();
  }
}
