import { LANES, type Pool2dDims } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import { describeShape, type LayerDesign, ShapeMismatch, volume } from './layer.js';

/**
 * Largest value of each window, without padding; of equal values the first in reading order gets the gradient.
 *
 * @throws ShapeMismatch if not one whole window fits
 */
export function maxpool2d(spec: Extract<LayerSpec, { type: 'maxpool2d' }>, input: Shape): LayerDesign {
  const { size, stride = size } = spec;
  const { channels, height, width } = input;
  expectWindow(size, input);
  const outHeight = Math.floor((height - size) / stride) + 1;
  const outWidth = Math.floor((width - size) / stride) + 1;
  const dims: Pool2dDims = { channels, height, width, size, stride, outHeight, outWidth };
  const output = { channels, height: outHeight, width: outWidth };
  return {
    output,
    parameters: [],
    storage: 'own',
    backwardReads: 'neither',
    bind: (kernels) => {
      const argmax = new Uint8Array(volume(output) * LANES);
      return {
        scratch: argmax,
        forward: ({ y, x }) => kernels.maxPool2dForward(y, argmax, x, dims),
        backward: ({ dx, dy }) => {
          if (dx !== null) kernels.maxPool2dBackward(dx, dy, argmax, dims);
        },
      };
    },
  };
}

/** @throws ShapeMismatch if a window of size×size does not fit */
export function expectWindow(size: number, input: Shape): void {
  if (input.height < size || input.width < size) {
    throw new ShapeMismatch(
      `expected an input of at least ${input.channels}×${size}×${size} for a ${size}×${size} window, found ${describeShape(input)}`,
    );
  }
}
