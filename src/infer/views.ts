import { type Augmentation, parseAugmentation } from '../data/index.js';

/** A view of an image is what an augmentation makes of it that leaves nothing to chance. */
function shiftedBy(share: number): Augmentation {
  const augmentation = parseAugmentation({ shift: [share, share] });
  if (augmentation === null) throw new TypeError('A view changes something.');
  return augmentation;
}

/**
 * What `--tta` looks at beside the image itself: the image a 32nd of its side further right and down, and further left and up. That is
 * one pixel of 32: poolings and strides then see other pairs of pixels. docs/accuracy.md says how they were chosen.
 */
export const standardViews: readonly Augmentation[] = [shiftedBy(1 / 32), shiftedBy(-1 / 32)];
