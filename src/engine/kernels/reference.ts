import type { Kernels } from './kernels.js';

export declare const referenceKernels: Kernels;
