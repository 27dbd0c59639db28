import type { LayerSpec, Shape } from '../spec.js';
import { expectVector, type LayerDesign } from './layer.js';

/**
 * Fully connected: y[u] = b[u] + Σ w[u,i] · x[i].
 *
 * @throws ShapeMismatch unless the input is a vector
 */
export function linear(spec: Extract<LayerSpec, { type: 'linear' }>, input: Shape): LayerDesign {
  expectVector(input);
  const { units } = spec;
  const inputs = input.channels;
  const dims = { inputs, units };
  const fans = { fanIn: inputs, fanOut: units };
  return {
    output: { channels: units, height: 1, width: 1 },
    parameters: [
      { role: 'weight', shape: [units, inputs], ...fans },
      { role: 'bias', shape: [units], ...fans },
    ],
    storage: 'own',
    backwardReads: 'input',
    bind: (kernels) => ({
      forward: ({ y, x, w, b }) => kernels.linearForward(y, x, w, b, dims),
      backward: ({ dw, db, dx, dy, x, w }) => {
        kernels.linearBackwardParameters(dw, db, x, dy, dims);
        if (dx !== null) kernels.linearBackwardInput(dx, dy, w, dims);
      },
    }),
  };
}
