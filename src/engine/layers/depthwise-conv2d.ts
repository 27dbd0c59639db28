import type { DepthwiseDims } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import { convolvedShape } from './conv2d.js';
import type { LayerDesign } from './layer.js';

/**
 * Every channel convolved with a kernel of its own: y[c,oy,ox] = b[c] + Σ w[c,ky,kx] · x[c, oy·stride+ky−padding, …]. PyTorch's Conv2d with
 * as many groups as channels.
 *
 * @throws ShapeMismatch if the kernel does not fit into the padded input
 */
export function depthwiseConv2d(
  spec: Extract<LayerSpec, { type: 'depthwise_conv2d' }>,
  input: Shape,
): LayerDesign {
  const { kernel, stride = 1, padding = 0 } = spec;
  const { channels, height, width } = input;
  const output = convolvedShape({ kernel, stride, padding }, input, channels);
  const dims: DepthwiseDims = {
    channels,
    height,
    width,
    kernel,
    stride,
    padding,
    outHeight: output.height,
    outWidth: output.width,
  };
  const fans = { fanIn: kernel * kernel, fanOut: kernel * kernel };
  return {
    output,
    parameters: [
      { role: 'weight', shape: [channels, 1, kernel, kernel], ...fans },
      { role: 'bias', shape: [channels], ...fans },
    ],
    storage: 'own',
    backwardReads: 'input',
    bind: (kernels) => ({
      forward: ({ y, x, w, b }) => kernels.depthwiseForward(y, x, w, b, dims),
      backward: ({ dw, db, dx, dy, x, w }) => {
        kernels.depthwiseBackwardParameters(dw, db, x, dy, dims);
        if (dx !== null) kernels.depthwiseBackwardInput(dx, dy, w, dims);
      },
    }),
  };
}
