import type { Activation } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import type { LayerDesign } from './layer.js';

type ActivationSpec = Extract<LayerSpec, { type: 'relu' | 'leaky_relu' | 'tanh' | 'sigmoid' }>;

/** Element by element; each one's derivative follows from its output, so the output may overwrite the input. */
export function activation(spec: ActivationSpec, input: Shape): LayerDesign {
  const which: Activation =
    spec.type === 'leaky_relu' ? { type: 'leaky_relu', slope: spec.slope ?? 0.01 } : { type: spec.type };
  return {
    output: input,
    parameters: [],
    storage: 'in place',
    backwardReads: 'output',
    bind: (kernels) => ({
      forward: ({ y, x }) => kernels.activationForward(y, x, which),
      backward: ({ dx, dy, y }) => {
        if (dx !== null) kernels.activationBackward(dx, dy, y, which);
      },
    }),
  };
}
