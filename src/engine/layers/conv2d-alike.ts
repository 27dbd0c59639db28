import type { Conv2dDims } from '../kernels/kernels.js';
import type { LayerDesign } from './layer.js';

/**
 * A convolution of a model's input whose channels are all alike: Σ_c w[f,c] ∗ x = (Σ_c w[f,c]) ∗ x. So it convolves the one
 * channel with the sum of its weights, which is made once per call, and every channel's weights get the one gradient. The
 * parameters stay those of the layer; results differ from its own in rounding alone.
 */
export function conv2dOnAlikeChannels(design: LayerDesign, dims: Conv2dDims): LayerDesign {
  const { channels, filters, kernel } = dims;
  const area = kernel * kernel;
  const length = filters * area;
  const oneChannel: Conv2dDims = { ...dims, channels: 1 };
  return {
    ...design,
    workspace: (kernels) => kernels.conv2dWorkspace(oneChannel),
    bind: (kernels) => {
      const scratch = kernels.allocate(2 * length);
      /** [F,1,K,K] each: the sum of the weights, and the gradient of any of them. */
      const w1 = scratch.subarray(0, length);
      const dw1 = scratch.subarray(length);
      return {
        scratch,
        begin({ w }) {
          addChannels(w1, w, channels, area);
          dw1.fill(0);
        },
        forward: ({ y, x, b, workspace }) =>
          kernels.conv2dForward(y, x, w1, b, oneChannel, workspace.forward),
        // Nothing learns before a model's first layer: nobody asks for dx.
        backward: ({ db, dy, x, workspace }) =>
          kernels.conv2dBackwardParameters(dw1, db, x, dy, oneChannel, workspace.backward),
        end: ({ dw }) => giveChannels(dw, dw1, channels, area),
      };
    },
  };
}

/** w[F,C,area] → sum[F,area]: in doubles, in the order of the channels, rounded once */
function addChannels(sum: Float32Array, w: Float32Array, channels: number, area: number): void {
  for (let i = 0; i < sum.length; i++) {
    const tap = i % area;
    let from = (i - tap) * channels + tap;
    let total = 0;
    for (let c = 0; c < channels; c++, from += area) total += w[from];
    sum[i] = total;
  }
}

/** dw1[F,area] → dw[F,C,area] += */
function giveChannels(dw: Float32Array, dw1: Float32Array, channels: number, area: number): void {
  for (let i = 0; i < dw1.length; i++) {
    const tap = i % area;
    let to = (i - tap) * channels + tap;
    for (let c = 0; c < channels; c++, to += area) dw[to] += dw1[i];
  }
}
