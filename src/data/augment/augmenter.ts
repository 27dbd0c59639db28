import { augmentationRowLength, augmentationScratch, type Kernels } from '../../engine/index.js';
import type { Preprocessing } from '../preprocessing.js';
import { channelsOf } from '../sample-shape.js';
import { createDraw } from './draw.js';
import type { Augmentation } from './spec.js';

/**
 * pixels[indices.length][channels][height][width] of the samples `indices`, changed in place: a function of (seed, epoch,
 * sample), the same bytes on every machine and with all kernels.
 */
export type Augmenter = (pixels: Uint8Array, indices: Uint32Array, epoch: number) => void;

/** What lies around a prepared image: with its ink found it is bright on black; as it is in the file, dark on light as a rule. */
export const paperOf = ({ polarity }: Pick<Preprocessing, 'polarity'>): number =>
  polarity === 'auto' ? 0 : 255;

/** Buffers for up to `capacity` images are made here, and none later. */
export function createAugmenter(o: {
  augmentation: Augmentation;
  preprocessing: Preprocessing;
  seed: number;
  kernels: Kernels;
  capacity: number;
}): Augmenter {
  const { kernels, preprocessing, capacity } = o;
  const { height, width } = preprocessing;
  const dims = { channels: channelsOf(preprocessing), height, width, paper: paperOf(preprocessing) };
  const draw = createDraw(o.augmentation, dims, o.seed);
  const rows = new Int32Array(capacity * augmentationRowLength);
  const rowOf = Array.from({ length: capacity }, (_, i) =>
    rows.subarray(i * augmentationRowLength, (i + 1) * augmentationRowLength),
  );
  const scratch = kernels.allocate(augmentationScratch(height, width));
  return (pixels, indices, epoch) => {
    if (indices.length > capacity) {
      throw new RangeError(`Expected at most ${capacity} images, found ${indices.length}.`);
    }
    for (let i = 0; i < indices.length; i++) draw(rowOf[i], epoch, indices[i]);
    const used =
      indices.length === capacity ? rows : rows.subarray(0, indices.length * augmentationRowLength);
    kernels.augment(pixels, indices.length, used, scratch, dims);
  };
}
