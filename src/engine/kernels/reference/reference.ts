import { copy } from '../copy.js';
import type { Kernels } from '../kernels.js';
import { augment } from './augment.js';
import { averagePool2dBackward, averagePool2dForward } from './averagepool2d.js';
import {
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormForward,
  batchNormStatistics,
} from './batchnorm.js';
import { conv2dBackwardInput, conv2dForward } from './conv2d.js';
import { conv2dBackwardParameters } from './conv2d-parameters.js';
import { depthwiseBackwardInput, depthwiseBackwardParameters, depthwiseForward } from './depthwise.js';
import { activationBackward, activationForward, add, multiply, packPixels } from './elementwise.js';
import { decode, encode } from './encode.js';
import { linearBackwardInput, linearBackwardParameters, linearForward } from './linear.js';
import { maxPool2dBackward, maxPool2dForward } from './maxpool2d.js';
import { selectLargest } from './select.js';
import {
  crossEntropyBackward,
  crossEntropyForward,
  softCrossEntropyBackward,
  softCrossEntropyForward,
  softmaxForward,
} from './softmax.js';
import { updates } from './update.js';

/**
 * The executable specification: plain TypeScript that loads f32, sums in f64 in a fixed order and rounds once on storing,
 * with our own exp, log and tanh. JavaScript never fuses or reorders, so every machine gets the same bits.
 */
export const referenceKernels: Kernels = {
  name: 'reference',
  numericsId: 'reference-f64-2',
  copies: false,
  forPlan: () => referenceKernels,
  allocate: (length) => new Float32Array(length),
  packPixels,
  conv2dWorkspace: () => 0,
  conv2dForward,
  conv2dBackwardInput,
  conv2dBackwardParameters,
  linearForward,
  linearBackwardInput,
  linearBackwardParameters,
  maxPool2dForward,
  maxPool2dBackward,
  averagePool2dForward,
  averagePool2dBackward,
  batchNormStatistics,
  batchNormForward,
  batchNormBackwardParameters,
  batchNormBackwardInput,
  depthwiseForward,
  depthwiseBackwardInput,
  depthwiseBackwardParameters,
  activationForward,
  activationBackward,
  multiply,
  softmaxForward,
  crossEntropyForward,
  crossEntropyBackward,
  softCrossEntropyForward,
  softCrossEntropyBackward,
  augment,
  encode,
  decode,
  selectLargest,
  copy,
  add,
  ...updates,
};
