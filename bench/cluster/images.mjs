// The images of a folder as Onko packs them, for those who compute on their own: labels[count], then pixels[count][1][32][32], in a file.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defaultPreprocessing, preparePack } from '../../dist/data/index.js';

export async function writeImages(dataDir, folders, cacheDir, file) {
  const threads = availableParallelism();
  const preprocessing = defaultPreprocessing;
  const pack = await preparePack({ dataDir, folders, preprocessing, cacheDir, threads, maxRejects: 100 });
  const { sampleCount: count, sampleBytes } = pack.manifest;
  const pixels = new Uint8Array(count * sampleBytes);
  const labels = new Uint8Array(count);
  pack.reader.read(
    Uint32Array.from({ length: count }, (_, i) => i),
    pixels,
    labels,
  );
  await pack.close();
  writeFileSync(file, Buffer.concat([labels, pixels]));
  return { images: file, count, mean: preprocessing.mean, std: preprocessing.std };
}

/** → labels and pixels as views of what the file holds. */
export function readImages({ images, count }) {
  const bytes = readFileSync(images);
  return { labels: bytes.subarray(0, count), pixels: bytes.subarray(count) };
}
