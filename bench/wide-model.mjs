/** Ten million parameters in three layers that cost nothing to compute, since nobody does. */
export const wide = {
  name: 'wide',
  input: [1, 32, 32],
  layers: [
    { type: 'flatten' },
    { type: 'linear', units: 4096 },
    { type: 'relu' },
    { type: 'linear', units: 1408 },
    { type: 'relu' },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
};
