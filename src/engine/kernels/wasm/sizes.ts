import { scratchLength } from '../augmentation-row.js';
import {
  augmentRow,
  averagePool2dRow,
  batchNormRow,
  conv2dRow,
  depthwiseRow,
  linearRow,
  packRow,
  pool2dRow,
} from '../dims.js';
import {
  type AugmentDims,
  type AveragePool2dDims,
  type BatchNormDims,
  type Conv2dDims,
  type DepthwiseDims,
  LANES,
  type LinearDims,
  type PackDims,
  type Pool2dDims,
} from '../kernels.js';
import { expectWhole } from './checks.js';

/** Dims, checked: their row as the C source has them, and how many elements the arrays of a call must have. */
export interface Conv2dSizes {
  row: Int32Array;
  x: number;
  y: number;
  w: number;
}

const outputs = (inputs: number, window: number, stride: number): number =>
  Math.floor((inputs - window) / stride) + 1;

/** @throws TypeError for a convolution that cannot be */
export function conv2dSizes(d: Conv2dDims): Conv2dSizes {
  const row = sizes(conv2dRow(d));
  const fits =
    Math.min(d.channels, d.height, d.width, d.filters, d.kernel, d.stride) >= 1 &&
    d.padding < d.kernel &&
    Math.min(d.height, d.width) + 2 * d.padding >= d.kernel &&
    d.outHeight === outputs(d.height + 2 * d.padding, d.kernel, d.stride) &&
    d.outWidth === outputs(d.width + 2 * d.padding, d.kernel, d.stride);
  if (!fits) throw new TypeError('Expected the sizes of a convolution that fits its input.');
  return {
    row,
    x: d.channels * d.height * d.width * LANES,
    y: d.filters * d.outHeight * d.outWidth * LANES,
    w: d.filters * d.channels * d.kernel * d.kernel,
  };
}

/** @throws TypeError for a pooling that cannot be */
export function pool2dSizes(d: Pool2dDims): Omit<Conv2dSizes, 'w'> {
  const row = sizes(pool2dRow(d));
  const fits =
    Math.min(d.channels, d.size, d.stride) >= 1 &&
    d.size <= 16 &&
    Math.min(d.height, d.width) >= d.size &&
    d.outHeight === outputs(d.height, d.size, d.stride) &&
    d.outWidth === outputs(d.width, d.size, d.stride);
  if (!fits) {
    throw new TypeError('Expected the sizes of a pooling that fits its input, with windows of 1 to 16.');
  }
  return {
    row,
    x: d.channels * d.height * d.width * LANES,
    y: d.channels * d.outHeight * d.outWidth * LANES,
  };
}

/** @throws TypeError for a pooling that cannot be */
export function averagePool2dSizes(d: AveragePool2dDims): Omit<Conv2dSizes, 'w'> {
  const row = sizes(averagePool2dRow(d));
  const fits =
    Math.min(d.channels, d.windowHeight, d.windowWidth, d.stride) >= 1 &&
    d.height >= d.windowHeight &&
    d.width >= d.windowWidth &&
    d.outHeight === outputs(d.height, d.windowHeight, d.stride) &&
    d.outWidth === outputs(d.width, d.windowWidth, d.stride);
  if (!fits) throw new TypeError('Expected the sizes of an average pooling that fits its input.');
  return {
    row,
    x: d.channels * d.height * d.width * LANES,
    y: d.channels * d.outHeight * d.outWidth * LANES,
  };
}

/** @throws TypeError for a convolution that cannot be */
export function depthwiseSizes(d: DepthwiseDims): Conv2dSizes {
  const row = sizes(depthwiseRow(d));
  const { x, y, w } = conv2dSizes({ ...d, filters: 1 });
  return { row, x, y: y * d.channels, w };
}

/** Elements of x. @throws TypeError without channels or values */
export function batchNormSizes(d: BatchNormDims): { x: number } {
  if (Math.min(...sizes(batchNormRow(d))) < 1) {
    throw new TypeError('Expected at least one channel and one value.');
  }
  return { x: d.channels * d.area * LANES };
}

/** @throws TypeError without inputs or units */
export function linearSizes(d: LinearDims): Omit<Conv2dSizes, 'row'> {
  if (Math.min(...sizes(linearRow(d))) < 1) throw new TypeError('Expected at least one input and one unit.');
  return { x: d.inputs * LANES, y: d.units * LANES, w: d.inputs * d.units };
}

/** Elements of x, and bytes of one sample. @throws TypeError for channels that cannot be */
export function packSizes(d: PackDims): { x: number; sample: number } {
  sizes(packRow(d));
  if (![1, 3].includes(d.pixelChannels) || d.channels < d.pixelChannels) {
    throw new TypeError('Expected 1 or 3 channels of pixels, and the model’s no fewer.');
  }
  return { x: d.channels * d.area * LANES, sample: d.pixelChannels * d.area };
}

/** Bytes of one image, and floats of the scratch. @throws TypeError for images that cannot be */
export function augmentSizes(d: AugmentDims): { image: number; scratch: number } {
  sizes(augmentRow(d));
  const extents = [d.height, d.width];
  if (d.channels < 1 || d.paper > 255 || Math.min(...extents) < 1 || Math.max(...extents) > 16_384) {
    throw new TypeError(
      'Expected images of at least 1 channel, 1 to 16384 pixels high and wide, and a paper of 0 to 255.',
    );
  }
  return { image: d.channels * d.height * d.width, scratch: scratchLength(d.height, d.width) };
}

function sizes(row: number[]): Int32Array {
  for (const size of row) expectWhole('dims', 'every size', size, 0, 2 ** 24);
  return Int32Array.from(row);
}
