import type { RunFacts } from '../../src/coordinator/metrics.js';

export const facts: RunFacts = {
  run: 'run-1',
  fence: 1,
  version: '1.0.0',
  model: 'tiny',
  optimizer: 'adam',
  transport: 'embedded',
  data: '0123456789abcdef',
  kernels: 'reference',
  numericsId: 'reference-1',
  totalSteps: 16,
  epochs: 4,
};
