import { createHash } from 'node:crypto';
import type { Pack, PackManifest } from '../../src/data/index.js';
import { defaultPreprocessing } from '../../src/data/index.js';
import { createRandom } from '../../src/engine/index.js';

const side = 8;
const sampleBytes = side * side;
const samplesPerBlock = 64;

/** Little pictures in memory: a bright row for each digit, and noise; easy to learn. */
export function createFakePack(folders: Record<string, number>): Pack {
  const counts = Object.entries(folders);
  const sampleCount = counts.reduce((sum, [, count]) => sum + count, 0);
  const labels = Uint8Array.from({ length: sampleCount }, (_, i) => (i * 7) % 10);
  const pixels = new Uint8Array(sampleCount * sampleBytes);
  const random = createRandom(99);
  for (let i = 0; i < sampleCount; i++) {
    for (let at = 0; at < sampleBytes; at++) {
      const isBright = at % (labels[i] + 3) === 0;
      pixels[i * sampleBytes + at] = random.below(64) + (isBright ? 160 : 0);
    }
  }
  const blockOf = (block: number): Uint8Array => {
    const from = block * samplesPerBlock;
    const to = Math.min(sampleCount, from + samplesPerBlock);
    const bytes = new Uint8Array((to - from) * (1 + sampleBytes));
    bytes.set(labels.subarray(from, to));
    bytes.set(pixels.subarray(from * sampleBytes, to * sampleBytes), to - from);
    return bytes;
  };
  const blocks = Array.from({ length: Math.ceil(sampleCount / samplesPerBlock) }, (_, block) => ({
    hash: createHash('sha256').update(blockOf(block)).digest('hex'),
    samples: Math.min(samplesPerBlock, sampleCount - block * samplesPerBlock),
  }));
  let first = 0;
  const manifest: PackManifest = {
    hash: createHash('sha256').update(JSON.stringify(blocks)).digest('hex'),
    preprocessing: { ...defaultPreprocessing, width: side, height: side },
    sampleBytes,
    samplesPerBlock,
    sampleCount,
    blocks,
    folders: counts.map(([name, count]) => {
      const folder = { name, first, count };
      first += count;
      return folder;
    }),
  };
  return {
    manifest,
    labels,
    names: (index) => {
      const folder = manifest.folders.findLast((one) => one.first <= index);
      return `${folder?.name}/${index - (folder?.first ?? 0)}.png`;
    },
    rejects: [],
    notes: [],
    fromCache: false,
    readBlock: async (block) => blockOf(block),
    reader: {
      read(indices, into, labelsInto) {
        for (const [i, index] of indices.entries()) {
          into.set(pixels.subarray(index * sampleBytes, (index + 1) * sampleBytes), i * sampleBytes);
          labelsInto[i] = labels[index];
        }
      },
    },
    close: async () => {},
  };
}
