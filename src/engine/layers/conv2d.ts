import type { Conv2dDims } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import { conv2dOnAlikeChannels } from './conv2d-alike.js';
import { describeShape, type LayerDesign, ShapeMismatch } from './layer.js';

/**
 * Cross-correlation, as every CNN library calls convolution: y[f,oy,ox] = b[f] + Σ w[f,c,ky,kx] · x[c, oy·stride+ky−padding, …].
 *
 * @throws ShapeMismatch if the kernel does not fit into the padded input
 */
export function conv2d(spec: Extract<LayerSpec, { type: 'conv2d' }>, input: Shape): LayerDesign {
  const { filters, kernel, stride = 1, padding = 0 } = spec;
  const { channels, height, width } = input;
  const output = convolvedShape({ kernel, stride, padding }, input, filters);
  const dims: Conv2dDims = {
    channels,
    height,
    width,
    filters,
    kernel,
    stride,
    padding,
    outHeight: output.height,
    outWidth: output.width,
  };
  const area = kernel * kernel;
  const fans = { fanIn: channels * area, fanOut: filters * area };
  const design: LayerDesign = {
    output,
    parameters: [
      { role: 'weight', shape: [filters, channels, kernel, kernel], ...fans },
      { role: 'bias', shape: [filters], ...fans },
    ],
    storage: 'own',
    backwardReads: 'input',
    workspace: (kernels) => kernels.conv2dWorkspace(dims),
    bind: (kernels) => ({
      forward: ({ y, x, w, b, workspace }) => kernels.conv2dForward(y, x, w, b, dims, workspace.forward),
      backward: ({ dw, db, dx, dy, x, w, workspace }) => {
        kernels.conv2dBackwardParameters(dw, db, x, dy, dims, workspace.backward);
        if (dx !== null) kernels.conv2dBackwardInput(dx, dy, w, dims, workspace.backward);
      },
    }),
  };
  return channels === 1 ? design : { ...design, onAlikeChannels: conv2dOnAlikeChannels(design, dims) };
}

/**
 * What a convolution makes of its input's shape.
 *
 * @throws ShapeMismatch if the kernel does not fit into the padded input
 */
export function convolvedShape(
  { kernel, stride, padding }: { kernel: number; stride: number; padding: number },
  input: Shape,
  filters: number,
): Shape {
  if (padding >= kernel) {
    throw new ShapeMismatch(`expected padding under the kernel's ${kernel}, found padding ${padding}`);
  }
  const { channels, height, width } = input;
  const least = Math.max(1, kernel - 2 * padding);
  if (height < least || width < least) {
    const padded = padding > 0 ? ` with padding ${padding}` : '';
    throw new ShapeMismatch(
      `expected an input of at least ${channels}×${least}×${least} for a ${kernel}×${kernel} kernel${padded}, found ${describeShape(input)}`,
    );
  }
  const outputs = (extent: number): number => Math.floor((extent + 2 * padding - kernel) / stride) + 1;
  return { channels: filters, height: outputs(height), width: outputs(width) };
}
