import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { renderContactSheet, type SheetImage } from '../../charts/index.js';
import {
  type Augmentation,
  channelsOf,
  createAugmenter,
  defaultPreprocessing,
  type FolderSamples,
  loadFolder,
  type Preprocessing,
  parseAugmentation,
  parsePreprocessing,
} from '../../data/index.js';
import { type Kernels, resolveKernels } from '../../engine/index.js';
import { writeAtomically } from '../../store/index.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { previewTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** `onko dataset preview` */
export async function runDatasetPreview(
  values: Values<typeof previewTable>,
  session: Session,
): Promise<ExitCode> {
  const augmentation = parseAugmentation(values.augmentation);
  if (augmentation === null)
    throw new UsageError('--augmentation none leaves nothing to show: name another.');
  const { preprocessing: changes } = values;
  const preprocessing = parsePreprocessing({
    ...defaultPreprocessing,
    ...(typeof changes === 'object' ? changes : {}),
  });
  const { kernels } = resolveKernels(values.kernels ?? undefined);
  const unknown = { loss: null, accuracy: null, imagesPerSecond: null, workers: null };
  const samples = await loadFolder({
    folder: join(values.data, values.folder),
    labelled: true,
    preprocessing,
    threads: availableParallelism(),
    onProgress: ({ done, total }) => session.progress({ phase: 'preparing images', done, total, ...unknown }),
    signal: session.signals.stop,
  });
  session.endProgress();
  const chosen = spreadOverDigits(samples, values.rows);
  const images = sheetOf({
    samples,
    chosen,
    columns: values.columns,
    augmentation,
    preprocessing,
    kernels,
    seed: values.seed,
  });
  await writeAtomically(values.out, await renderContactSheet(images, values.columns + 1));
  session.print(
    `${values.out} shows ${chosen.length} images, each with ${values.columns} versions beside it.`,
  );
  return 0;
}

/** The first image of each digit, then the second of each, and so on. */
function spreadOverDigits({ names, labels }: FolderSamples, count: number): number[] {
  const seen = new Map<number, number>();
  const ranked = names.map((_, index) => {
    const digit = labels?.[index] ?? 0;
    const rank = seen.get(digit) ?? 0;
    seen.set(digit, rank + 1);
    return { index, digit, rank };
  });
  return ranked
    .toSorted((a, b) => a.rank - b.rank || a.digit - b.digit)
    .slice(0, count)
    .map(({ index }) => index);
}

function sheetOf(o: {
  samples: FolderSamples;
  chosen: number[];
  columns: number;
  augmentation: Augmentation;
  preprocessing: Preprocessing;
  kernels: Kernels;
  seed: number;
}): SheetImage[] {
  const { samples, preprocessing } = o;
  const { width, height } = preprocessing;
  const channels = channelsOf(preprocessing);
  const sampleBytes = channels * width * height;
  const augment = createAugmenter({ ...o, capacity: 1 });
  const image = (pixels: Uint8Array, caption: string): SheetImage => ({
    pixels: interleaved(pixels, channels),
    width,
    height,
    channels,
    caption,
  });
  return o.chosen.flatMap((index) => {
    const original = samples.pixels.subarray(index * sampleBytes, (index + 1) * sampleBytes);
    const versions = Array.from({ length: o.columns }, (_, epoch) => {
      const pixels = original.slice();
      augment(pixels, Uint32Array.of(index), epoch);
      return image(pixels, `epoch ${epoch + 1}`);
    });
    return [image(original, samples.names[index] ?? ''), ...versions];
  });
}

/** [channels][area] → [area][channels] */
function interleaved(pixels: Uint8Array, channels: number): Uint8Array {
  const area = pixels.length / channels;
  return pixels.map((_, i) => pixels[(i % channels) * area + Math.floor(i / channels)]);
}
