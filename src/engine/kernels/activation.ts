import type { Activation } from './kernels.js';

/** Activations as the C source numbers them: `enum activation` in native/kernels.h. */
export const activationNumbers = { relu: 0, leaky_relu: 1, tanh: 2, sigmoid: 3 } as const;

export const slopeOf = (activation: Activation): number =>
  activation.type === 'leaky_relu' ? activation.slope : 0;
