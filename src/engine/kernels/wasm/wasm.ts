import { copy } from '../copy.js';
import type { Kernels } from '../kernels.js';
import { updates } from '../reference/update.js';
import { augmentOf } from './augment.js';
import { averagePool2dOf } from './averagepool2d.js';
import { batchNormOf } from './batchnorm.js';
import { conv2dOf } from './conv2d.js';
import { depthwiseOf } from './depthwise.js';
import { elementwiseOf } from './elementwise.js';
import { encodeOf } from './encode.js';
import type { WasmInstance } from './instance.js';
import { linearOf } from './linear.js';
import { maxPool2dOf } from './maxpool2d.js';
import { createInstanceMemory } from './memory.js';
import { softmaxOf } from './softmax.js';

/**
 * `Kernels` over WebAssembly. Each plan has an instance of its own, which goes when the plan goes; one more serves the calls
 * from outside of plans.
 */
export function wasmKernels(name: string, numericsId: string, instantiate: () => WasmInstance): Kernels {
  const forPlan = (): Kernels => kernelsOf(name, numericsId, instantiate(), forPlan);
  let common: Kernels | null = null;
  const shared = (): Kernels => {
    common ??= forPlan();
    return common;
  };
  return {
    name,
    numericsId,
    copies: true,
    forPlan,
    allocate: (length) => shared().allocate(length),
    packPixels: (...args) => shared().packPixels(...args),
    conv2dWorkspace: (dims) => shared().conv2dWorkspace(dims),
    conv2dForward: (...args) => shared().conv2dForward(...args),
    conv2dBackwardInput: (...args) => shared().conv2dBackwardInput(...args),
    conv2dBackwardParameters: (...args) => shared().conv2dBackwardParameters(...args),
    linearForward: (...args) => shared().linearForward(...args),
    linearBackwardInput: (...args) => shared().linearBackwardInput(...args),
    linearBackwardParameters: (...args) => shared().linearBackwardParameters(...args),
    maxPool2dForward: (...args) => shared().maxPool2dForward(...args),
    maxPool2dBackward: (...args) => shared().maxPool2dBackward(...args),
    averagePool2dForward: (...args) => shared().averagePool2dForward(...args),
    averagePool2dBackward: (...args) => shared().averagePool2dBackward(...args),
    batchNormStatistics: (...args) => shared().batchNormStatistics(...args),
    batchNormForward: (...args) => shared().batchNormForward(...args),
    batchNormBackwardParameters: (...args) => shared().batchNormBackwardParameters(...args),
    batchNormBackwardInput: (...args) => shared().batchNormBackwardInput(...args),
    depthwiseForward: (...args) => shared().depthwiseForward(...args),
    depthwiseBackwardInput: (...args) => shared().depthwiseBackwardInput(...args),
    depthwiseBackwardParameters: (...args) => shared().depthwiseBackwardParameters(...args),
    activationForward: (...args) => shared().activationForward(...args),
    activationBackward: (...args) => shared().activationBackward(...args),
    multiply: (...args) => shared().multiply(...args),
    softmaxForward: (...args) => shared().softmaxForward(...args),
    crossEntropyForward: (...args) => shared().crossEntropyForward(...args),
    crossEntropyBackward: (...args) => shared().crossEntropyBackward(...args),
    softCrossEntropyForward: (...args) => shared().softCrossEntropyForward(...args),
    softCrossEntropyBackward: (...args) => shared().softCrossEntropyBackward(...args),
    augment: (...args) => shared().augment(...args),
    encode: (...args) => shared().encode(...args),
    decode: (...args) => shared().decode(...args),
    selectLargest: (...args) => shared().selectLargest(...args),
    copy,
    add: (...args) => shared().add(...args),
    // One pass over arrays from outside: carrying them into this memory and back would take longer than what is done there.
    ...updates,
  };
}

/** The addresses of a call are taken first, inputs and outputs alike; then it runs; then copies of outputs are carried back. */
function kernelsOf(
  name: string,
  numericsId: string,
  { operations, memory }: WasmInstance,
  forPlan: () => Kernels,
): Kernels {
  const instanceMemory = createInstanceMemory(memory, operations.heapBase());
  return {
    name,
    numericsId,
    copies: true,
    forPlan,
    allocate: instanceMemory.allocate,
    copy,
    ...updates,
    ...conv2dOf(operations, instanceMemory),
    ...linearOf(operations, instanceMemory),
    ...maxPool2dOf(operations, instanceMemory),
    ...averagePool2dOf(operations, instanceMemory),
    ...batchNormOf(operations, instanceMemory),
    ...depthwiseOf(operations, instanceMemory),
    ...elementwiseOf(operations, instanceMemory),
    ...softmaxOf(operations, instanceMemory),
    ...augmentOf(operations, instanceMemory),
    ...encodeOf(operations, instanceMemory),
  };
}
