import { LANES } from '../kernels/kernels.js';
import { createRandom } from '../rng.js';
import type { LayerSpec, Shape } from '../spec.js';
import { type LayerBuffers, type LayerDesign, type Pass, volume } from './layer.js';

/**
 * Zeroes a value with probability `rate` and scales the rest by 1/(1−rate), so evaluation needs no scaling. Every mask is
 * drawn from (seed, step, microshard, layer, group), all sixteen lanes always: who computes it, and how many samples the
 * group holds, change nothing.
 */
export function dropout(spec: Extract<LayerSpec, { type: 'dropout' }>, input: Shape): LayerDesign {
  const { rate } = spec;
  const length = volume(input) * LANES;
  const threshold = rate * 2 ** 32;
  return {
    output: input,
    parameters: [],
    storage: 'in place',
    backwardReads: 'neither',
    bind: (kernels, layerIndex) => {
      const mask = kernels.allocate(length);
      const draw = ({ seed, step, microshard, group }: Pass): void => {
        const random = createRandom(seed, step, microshard, layerIndex, group);
        for (let i = 0; i < length; i++) mask[i] = random.u32() >= threshold ? 1 / (1 - rate) : 0;
      };
      return {
        scratch: mask,
        forward: ({ y, x }: LayerBuffers, pass: Pass) => {
          if (pass.training && rate > 0) {
            draw(pass);
            kernels.multiply(y, x, mask);
          } else if (y !== x) {
            y.set(x);
          }
        },
        backward: ({ dx, dy }: LayerBuffers) => {
          if (dx === null) return;
          if (rate > 0) kernels.multiply(dx, dy, mask);
          else if (dx !== dy) dx.set(dy);
        },
      };
    },
  };
}
