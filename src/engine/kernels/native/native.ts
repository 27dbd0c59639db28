import { encodingNumbers } from '../../encodings.js';
import { activationNumbers, slopeOf } from '../activation.js';
import { copy } from '../copy.js';
import {
  augmentRow,
  averagePool2dRow,
  batchNormRow,
  conv2dRow,
  depthwiseRow,
  linearRow,
  packRow,
  pool2dRow,
  remember,
} from '../dims.js';
import type { Kernels } from '../kernels.js';

/** The operations of one instruction set as native/addon.c has them: dims as numbers in a row, activations by number. */
export interface NativeOperations {
  packPixels(
    x: Float32Array,
    pixels: Uint8Array,
    first: number,
    lanes: number,
    table: Float32Array,
    dims: Int32Array,
  ): void;
  conv2dWorkspace(dims: Int32Array): number;
  conv2dForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    dims: Int32Array,
    workspace: Float32Array,
  ): void;
  conv2dBackwardInput(
    dx: Float32Array,
    dy: Float32Array,
    w: Float32Array,
    dims: Int32Array,
    workspace: Float32Array,
  ): void;
  conv2dBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: Int32Array,
    workspace: Float32Array,
  ): void;
  linearForward(y: Float32Array, x: Float32Array, w: Float32Array, b: Float32Array, dims: Int32Array): void;
  linearBackwardInput(dx: Float32Array, dy: Float32Array, w: Float32Array, dims: Int32Array): void;
  linearBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: Int32Array,
  ): void;
  maxPool2dForward(y: Float32Array, argmax: Uint8Array, x: Float32Array, dims: Int32Array): void;
  maxPool2dBackward(dx: Float32Array, dy: Float32Array, argmax: Uint8Array, dims: Int32Array): void;
  averagePool2dForward(y: Float32Array, x: Float32Array, dims: Int32Array): void;
  averagePool2dBackward(dx: Float32Array, dy: Float32Array, dims: Int32Array): void;
  batchNormStatistics(statistics: Float32Array, x: Float32Array, lanes: number, dims: Int32Array): void;
  batchNormForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    statistics: Float32Array,
    dims: Int32Array,
  ): void;
  batchNormBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    sums: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    statistics: Float32Array,
    lanes: number,
    dims: Int32Array,
  ): void;
  batchNormBackwardInput(
    dx: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    w: Float32Array,
    statistics: Float32Array,
    sums: Float32Array,
    lanes: number,
    dims: Int32Array,
  ): void;
  depthwiseForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    dims: Int32Array,
  ): void;
  depthwiseBackwardInput(dx: Float32Array, dy: Float32Array, w: Float32Array, dims: Int32Array): void;
  depthwiseBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: Int32Array,
  ): void;
  activationForward(y: Float32Array, x: Float32Array, activation: number, slope: number): void;
  activationBackward(
    dx: Float32Array,
    dy: Float32Array,
    y: Float32Array,
    activation: number,
    slope: number,
  ): void;
  multiply: Kernels['multiply'];
  softmaxForward: Kernels['softmaxForward'];
  crossEntropyForward: Kernels['crossEntropyForward'];
  crossEntropyBackward: Kernels['crossEntropyBackward'];
  softCrossEntropyForward: Kernels['softCrossEntropyForward'];
  softCrossEntropyBackward: Kernels['softCrossEntropyBackward'];
  augment(pixels: Uint8Array, count: number, rows: Int32Array, scratch: Float32Array, dims: Int32Array): void;
  encode(bytes: Uint8Array, x: Float32Array, encoding: number, stream: Int32Array): void;
  decode(y: Float32Array, bytes: Uint8Array, encoding: number, add: number): void;
  selectLargest(indices: Int32Array, x: Float32Array, kept: number): void;
  add: Kernels['add'];
  scale: Kernels['scale'];
  sumOfSquares: Kernels['sumOfSquares'];
  /** Without momentum, and without a velocity. */
  sgdPlainUpdate(parameters: Float32Array, gradient: Float32Array, rule: Float64Array): void;
  sgdUpdate: Kernels['sgdUpdate'];
  adamUpdate: Kernels['adamUpdate'];
  hashLanes: Kernels['hashLanes'];
  allocate: Kernels['allocate'];
  /** Bytes from the beginning of the array's first cache line to the array. */
  cacheLineOffset(array: Float32Array): number;
  /** Does 20 or 12 vectors of multiply-adds `count` times over, in registers; returns how many single ones that were. */
  multiplyAdds(count: number): number;
}

/** What this processor can run, by instruction set, the fastest first. */
export type Addon = Record<string, NativeOperations>;

/**
 * Singles, every multiply-add fused, every sum in one order over sixteen lanes: all instruction sets give the same bits.
 * The number rises when the bits change.
 */
export const nativeNumericsId = 'native-f32-2';

/** `Kernels` over the addon's operations for one instruction set. */
export function nativeKernels(instructionSet: string, operations: NativeOperations): Kernels {
  const conv2d = rowOf(conv2dRow);
  const pool2d = rowOf(pool2dRow);
  const averagePool2d = rowOf(averagePool2dRow);
  const batchNorm = rowOf(batchNormRow);
  const depthwise = rowOf(depthwiseRow);
  const linear = rowOf(linearRow);
  const pack = rowOf(packRow);
  const images = rowOf(augmentRow);
  const {
    multiply,
    softmaxForward,
    crossEntropyForward,
    crossEntropyBackward,
    softCrossEntropyForward,
    softCrossEntropyBackward,
    add,
    scale,
    sumOfSquares,
    adamUpdate,
    hashLanes,
    allocate,
  } = operations;
  const kernels: Kernels = {
    name: `native-${instructionSet}`,
    numericsId: nativeNumericsId,
    copies: false,
    forPlan: () => kernels,
    packPixels: (x, pixels, first, lanes, table, dims) =>
      operations.packPixels(x, pixels, first, lanes, table, pack(dims)),
    conv2dWorkspace: (dims) => operations.conv2dWorkspace(conv2d(dims)),
    conv2dForward: (y, x, w, b, dims, workspace) =>
      operations.conv2dForward(y, x, w, b, conv2d(dims), workspace),
    conv2dBackwardInput: (dx, dy, w, dims, workspace) =>
      operations.conv2dBackwardInput(dx, dy, w, conv2d(dims), workspace),
    conv2dBackwardParameters: (dw, db, x, dy, dims, workspace) =>
      operations.conv2dBackwardParameters(dw, db, x, dy, conv2d(dims), workspace),
    linearForward: (y, x, w, b, dims) => operations.linearForward(y, x, w, b, linear(dims)),
    linearBackwardInput: (dx, dy, w, dims) => operations.linearBackwardInput(dx, dy, w, linear(dims)),
    linearBackwardParameters: (dw, db, x, dy, dims) =>
      operations.linearBackwardParameters(dw, db, x, dy, linear(dims)),
    maxPool2dForward: (y, argmax, x, dims) => operations.maxPool2dForward(y, argmax, x, pool2d(dims)),
    maxPool2dBackward: (dx, dy, argmax, dims) => operations.maxPool2dBackward(dx, dy, argmax, pool2d(dims)),
    averagePool2dForward: (y, x, dims) => operations.averagePool2dForward(y, x, averagePool2d(dims)),
    averagePool2dBackward: (dx, dy, dims) => operations.averagePool2dBackward(dx, dy, averagePool2d(dims)),
    batchNormStatistics: (statistics, x, lanes, dims) =>
      operations.batchNormStatistics(statistics, x, lanes, batchNorm(dims)),
    batchNormForward: (y, x, w, b, statistics, dims) =>
      operations.batchNormForward(y, x, w, b, statistics, batchNorm(dims)),
    batchNormBackwardParameters: (dw, db, sums, x, dy, statistics, lanes, dims) =>
      operations.batchNormBackwardParameters(dw, db, sums, x, dy, statistics, lanes, batchNorm(dims)),
    batchNormBackwardInput: (dx, x, dy, w, statistics, sums, lanes, dims) =>
      operations.batchNormBackwardInput(dx, x, dy, w, statistics, sums, lanes, batchNorm(dims)),
    depthwiseForward: (y, x, w, b, dims) => operations.depthwiseForward(y, x, w, b, depthwise(dims)),
    depthwiseBackwardInput: (dx, dy, w, dims) =>
      operations.depthwiseBackwardInput(dx, dy, w, depthwise(dims)),
    depthwiseBackwardParameters: (dw, db, x, dy, dims) =>
      operations.depthwiseBackwardParameters(dw, db, x, dy, depthwise(dims)),
    activationForward: (y, x, activation) =>
      operations.activationForward(y, x, activationNumbers[activation.type], slopeOf(activation)),
    activationBackward: (dx, dy, y, activation) =>
      operations.activationBackward(dx, dy, y, activationNumbers[activation.type], slopeOf(activation)),
    multiply,
    softmaxForward,
    crossEntropyForward,
    crossEntropyBackward,
    softCrossEntropyForward,
    softCrossEntropyBackward,
    augment: (pixels, count, rows, scratch, dims) =>
      operations.augment(pixels, count, rows, scratch, images(dims)),
    encode: (bytes, x, encoding, stream) => operations.encode(bytes, x, encodingNumbers[encoding], stream),
    decode: (y, bytes, encoding, adds) =>
      operations.decode(y, bytes, encodingNumbers[encoding], adds ? 1 : 0),
    selectLargest: (indices, x) => operations.selectLargest(indices, x, indices.length),
    copy,
    add,
    scale,
    sumOfSquares,
    sgdUpdate: (parameters, gradient, velocity, rule) =>
      velocity.length === 0
        ? operations.sgdPlainUpdate(parameters, gradient, rule)
        : operations.sgdUpdate(parameters, gradient, velocity, rule),
    adamUpdate,
    hashLanes,
    allocate,
  };
  return kernels;
}

/** Dims as the addon takes them. */
function rowOf<Dims extends object>(row: (dims: Dims) => number[]): (dims: Dims) => Int32Array {
  return remember((dims: Dims) => Int32Array.from(row(dims)));
}
