import type { Shape } from '../spec.js';
import { expectVector, type LayerDesign, ShapeMismatch } from './layer.js';

/**
 * The end of every model: logits → probabilities. Its backward pass is the loss's (the plan calls the fused pair), so this
 * run has none.
 *
 * @throws ShapeMismatch unless the input is a vector of 2 to 256 classes (a label is one byte)
 */
export function softmax(input: Shape): LayerDesign {
  expectVector(input);
  const classes = input.channels;
  if (classes < 2 || classes > 256) {
    throw new ShapeMismatch(`expected 2 to 256 classes, found ${classes}`);
  }
  return {
    output: input,
    parameters: [],
    storage: 'own',
    backwardReads: 'output',
    bind: (kernels) => ({
      forward: ({ y, x }) => kernels.softmaxForward(y, x, classes),
      backward: () => {},
    }),
  };
}
