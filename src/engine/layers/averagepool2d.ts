import type { AveragePool2dDims, Kernels } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import type { LayerDesign, LayerRun } from './layer.js';
import { expectWindow } from './maxpool2d.js';

/**
 * Mean of each window, without padding.
 *
 * @throws ShapeMismatch if not one whole window fits
 */
export function averagePool2d(spec: Extract<LayerSpec, { type: 'avgpool2d' }>, input: Shape): LayerDesign {
  const { size, stride = size } = spec;
  expectWindow(size, input);
  return averagePooling(input, size, size, stride);
}

/** Mean of each channel's whole plane: C×H×W → C×1×1, which a linear layer takes. */
export function globalAveragePool2d(input: Shape): LayerDesign {
  return averagePooling(input, input.height, input.width, 1);
}

function averagePooling(
  { channels, height, width }: Shape,
  windowHeight: number,
  windowWidth: number,
  stride: number,
): LayerDesign {
  const outHeight = Math.floor((height - windowHeight) / stride) + 1;
  const outWidth = Math.floor((width - windowWidth) / stride) + 1;
  const dims: AveragePool2dDims = {
    channels,
    height,
    width,
    windowHeight,
    windowWidth,
    stride,
    outHeight,
    outWidth,
  };
  return {
    output: { channels, height: outHeight, width: outWidth },
    parameters: [],
    storage: 'own',
    backwardReads: 'neither',
    bind: (kernels: Kernels): LayerRun => ({
      forward: ({ y, x }) => kernels.averagePool2dForward(y, x, dims),
      backward: ({ dx, dy }) => {
        if (dx !== null) kernels.averagePool2dBackward(dx, dy, dims);
      },
    }),
  };
}
