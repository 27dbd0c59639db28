import { activationNumbers, slopeOf } from '../activation.js';
import { rowLength } from '../augmentation-row.js';
import { copy } from '../copy.js';
import { remember } from '../dims.js';
import { type Conv2dDims, type Kernels, LANES } from '../kernels.js';
import { averagePool2dOf } from './averagepool2d.js';
import { batchNormOf } from './batchnorm.js';
import { expectElements, expectLabels, expectRoom, expectWhole } from './checks.js';
import { depthwiseOf } from './depthwise.js';
import { createInstanceMemory } from './memory.js';
import { augmentSizes, conv2dSizes, linearSizes, packSizes, pool2dSizes } from './sizes.js';

/** What native/wasm.c exports: addresses and numbers in, memory changed. */
export type WasmOperations = Record<
  keyof Omit<Kernels, 'name' | 'numericsId' | 'allocate' | 'copies' | 'forPlan' | 'copy' | 'conv2dWorkspace'>,
  (...numbers: number[]) => void
> & {
  conv2dWorkspace(dims: number): number;
  /** a·b + c as this machine computes it */
  multiplyAdd(a: number, b: number, c: number): number;
  /** As of the addon; over 32 floats at `sink`. */
  multiplyAdds(count: number, sink: number): number;
  /** First address that is free. */
  heapBase(): number;
};

export interface WasmInstance {
  operations: WasmOperations;
  memory: WebAssembly.Memory;
}

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
    copy,
    add: (...args) => shared().add(...args),
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
  const { allocate, input, output, place, finish } = instanceMemory;
  const conv2d = remember((dims: Conv2dDims) => {
    const sizes = conv2dSizes(dims);
    try {
      return { ...sizes, workspace: operations.conv2dWorkspace(input(sizes.row)) };
    } finally {
      finish();
    }
  });
  const pool2d = remember(pool2dSizes);
  const linear = remember(linearSizes);
  const pack = remember(packSizes);
  const images = remember(augmentSizes);
  return {
    name,
    numericsId,
    copies: true,
    forPlan,
    allocate,

    packPixels(x, pixels, first, lanes, table, dims) {
      const sizes = pack(dims);
      expectWhole('packPixels', 'first', first, 0, 2 ** 32);
      expectWhole('packPixels', 'lanes', lanes, 0, LANES);
      expectElements('packPixels', 'x', x.length, sizes.x);
      expectElements('packPixels', 'table', table.length, 256);
      const group = pixels.subarray(first * sizes.sample, (first + lanes) * sizes.sample);
      expectElements('packPixels', 'the group of pixels', group.length, lanes * sizes.sample);
      try {
        operations.packPixels(
          output(x),
          input(group),
          lanes,
          input(table),
          dims.pixelChannels,
          dims.channels,
          dims.area,
        );
      } finally {
        finish();
      }
    },

    conv2dWorkspace: (dims) => conv2d(dims).workspace,
    conv2dForward(y, x, w, b, dims, workspace) {
      const sizes = conv2d(dims);
      expectElements('conv2dForward', 'y', y.length, sizes.y);
      expectElements('conv2dForward', 'x', x.length, sizes.x);
      expectElements('conv2dForward', 'w', w.length, sizes.w);
      expectElements('conv2dForward', 'b', b.length, dims.filters);
      expectRoom('conv2dForward', 'workspace', workspace.length, sizes.workspace);
      try {
        const row = input(sizes.row);
        operations.conv2dForward(output(y), input(x), input(w), input(b), row, place(workspace));
      } finally {
        finish();
      }
    },
    conv2dBackwardInput(dx, dy, w, dims, workspace) {
      const sizes = conv2d(dims);
      expectElements('conv2dBackwardInput', 'dx', dx.length, sizes.x);
      expectElements('conv2dBackwardInput', 'dy', dy.length, sizes.y);
      expectElements('conv2dBackwardInput', 'w', w.length, sizes.w);
      expectRoom('conv2dBackwardInput', 'workspace', workspace.length, sizes.workspace);
      try {
        const row = input(sizes.row);
        operations.conv2dBackwardInput(output(dx), input(dy), input(w), row, place(workspace));
      } finally {
        finish();
      }
    },
    conv2dBackwardParameters(dw, db, x, dy, dims, workspace) {
      const sizes = conv2d(dims);
      expectElements('conv2dBackwardParameters', 'dw', dw.length, sizes.w);
      expectElements('conv2dBackwardParameters', 'db', db.length, dims.filters);
      expectElements('conv2dBackwardParameters', 'x', x.length, sizes.x);
      expectElements('conv2dBackwardParameters', 'dy', dy.length, sizes.y);
      expectRoom('conv2dBackwardParameters', 'workspace', workspace.length, sizes.workspace);
      try {
        const row = input(sizes.row);
        operations.conv2dBackwardParameters(
          output(dw),
          output(db),
          input(x),
          input(dy),
          row,
          place(workspace),
        );
      } finally {
        finish();
      }
    },

    linearForward(y, x, w, b, dims) {
      const sizes = linear(dims);
      expectElements('linearForward', 'y', y.length, sizes.y);
      expectElements('linearForward', 'x', x.length, sizes.x);
      expectElements('linearForward', 'w', w.length, sizes.w);
      expectElements('linearForward', 'b', b.length, dims.units);
      try {
        operations.linearForward(output(y), input(x), input(w), input(b), dims.inputs, dims.units);
      } finally {
        finish();
      }
    },
    linearBackwardInput(dx, dy, w, dims) {
      const sizes = linear(dims);
      expectElements('linearBackwardInput', 'dx', dx.length, sizes.x);
      expectElements('linearBackwardInput', 'dy', dy.length, sizes.y);
      expectElements('linearBackwardInput', 'w', w.length, sizes.w);
      try {
        operations.linearBackwardInput(output(dx), input(dy), input(w), dims.inputs, dims.units);
      } finally {
        finish();
      }
    },
    linearBackwardParameters(dw, db, x, dy, dims) {
      const sizes = linear(dims);
      expectElements('linearBackwardParameters', 'dw', dw.length, sizes.w);
      expectElements('linearBackwardParameters', 'db', db.length, dims.units);
      expectElements('linearBackwardParameters', 'x', x.length, sizes.x);
      expectElements('linearBackwardParameters', 'dy', dy.length, sizes.y);
      try {
        operations.linearBackwardParameters(
          output(dw),
          output(db),
          input(x),
          input(dy),
          dims.inputs,
          dims.units,
        );
      } finally {
        finish();
      }
    },

    maxPool2dForward(y, argmax, x, dims) {
      const sizes = pool2d(dims);
      expectElements('maxPool2dForward', 'y', y.length, sizes.y);
      expectElements('maxPool2dForward', 'argmax', argmax.length, sizes.y);
      expectElements('maxPool2dForward', 'x', x.length, sizes.x);
      try {
        operations.maxPool2dForward(output(y), output(argmax), input(x), input(sizes.row));
      } finally {
        finish();
      }
    },
    maxPool2dBackward(dx, dy, argmax, dims) {
      const sizes = pool2d(dims);
      expectElements('maxPool2dBackward', 'dx', dx.length, sizes.x);
      expectElements('maxPool2dBackward', 'dy', dy.length, sizes.y);
      expectElements('maxPool2dBackward', 'argmax', argmax.length, sizes.y);
      try {
        operations.maxPool2dBackward(output(dx), input(dy), input(argmax), input(sizes.row));
      } finally {
        finish();
      }
    },

    ...averagePool2dOf(operations, instanceMemory),
    ...batchNormOf(operations, instanceMemory),
    ...depthwiseOf(operations, instanceMemory),

    activationForward(y, x, activation) {
      expectGroups('activationForward', y.length);
      expectElements('activationForward', 'x', x.length, y.length);
      const which = activationNumbers[activation.type];
      try {
        operations.activationForward(output(y), input(x), y.length, which, slopeOf(activation));
      } finally {
        finish();
      }
    },
    activationBackward(dx, dy, y, activation) {
      expectGroups('activationBackward', dx.length);
      expectElements('activationBackward', 'dy', dy.length, dx.length);
      expectElements('activationBackward', 'y', y.length, dx.length);
      const which = activationNumbers[activation.type];
      try {
        operations.activationBackward(output(dx), input(dy), input(y), dx.length, which, slopeOf(activation));
      } finally {
        finish();
      }
    },

    multiply(y, x, m) {
      expectElements('multiply', 'x', x.length, y.length);
      expectElements('multiply', 'm', m.length, y.length);
      try {
        operations.multiply(output(y), input(x), input(m), y.length);
      } finally {
        finish();
      }
    },
    copy,
    add(y, x) {
      expectElements('add', 'x', x.length, y.length);
      try {
        operations.add(output(y), input(x), y.length);
      } finally {
        finish();
      }
    },

    softmaxForward(y, x, classes) {
      expectWhole('softmaxForward', 'classes', classes, 1, 256);
      expectElements('softmaxForward', 'y', y.length, classes * LANES);
      expectElements('softmaxForward', 'x', x.length, classes * LANES);
      try {
        operations.softmaxForward(output(y), input(x), classes);
      } finally {
        finish();
      }
    },
    crossEntropyForward(losses, x, labels, lanes, classes) {
      expectLoss('crossEntropyForward', labels, lanes, classes);
      expectElements('crossEntropyForward', 'losses', losses.length, LANES);
      expectElements('crossEntropyForward', 'x', x.length, classes * LANES);
      try {
        operations.crossEntropyForward(output(losses), input(x), input(labels), lanes, classes);
      } finally {
        finish();
      }
    },
    crossEntropyBackward(dx, y, labels, lanes, classes) {
      expectLoss('crossEntropyBackward', labels, lanes, classes);
      expectElements('crossEntropyBackward', 'dx', dx.length, classes * LANES);
      expectElements('crossEntropyBackward', 'y', y.length, classes * LANES);
      try {
        operations.crossEntropyBackward(output(dx), input(y), input(labels), lanes, classes);
      } finally {
        finish();
      }
    },
    softCrossEntropyForward(losses, x, labels, targets, lanes, classes) {
      expectLoss('softCrossEntropyForward', labels, lanes, classes);
      expectElements('softCrossEntropyForward', 'losses', losses.length, LANES);
      expectElements('softCrossEntropyForward', 'x', x.length, classes * LANES);
      expectElements('softCrossEntropyForward', 'targets', targets.length, classes ** 2);
      try {
        operations.softCrossEntropyForward(
          output(losses),
          input(x),
          input(labels),
          input(targets),
          lanes,
          classes,
        );
      } finally {
        finish();
      }
    },
    softCrossEntropyBackward(dx, y, labels, targets, lanes, classes) {
      expectLoss('softCrossEntropyBackward', labels, lanes, classes);
      expectElements('softCrossEntropyBackward', 'dx', dx.length, classes * LANES);
      expectElements('softCrossEntropyBackward', 'y', y.length, classes * LANES);
      expectElements('softCrossEntropyBackward', 'targets', targets.length, classes ** 2);
      try {
        operations.softCrossEntropyBackward(
          output(dx),
          input(y),
          input(labels),
          input(targets),
          lanes,
          classes,
        );
      } finally {
        finish();
      }
    },

    augment(pixels, count, rows, scratch, dims) {
      const sizes = images(dims);
      expectWhole('augment', 'count', count, 0, 2 ** 24);
      const used = pixels.subarray(0, count * sizes.image);
      expectElements('augment', 'the images', used.length, count * sizes.image);
      expectElements('augment', 'rows', rows.length, count * rowLength);
      expectElements('augment', 'scratch', scratch.length, sizes.scratch);
      const { channels, height, width, paper } = dims;
      try {
        operations.augment(output(used), count, input(rows), output(scratch), channels, height, width, paper);
      } finally {
        finish();
      }
    },
  };
}

/** Activations lie in groups of sixteen lanes. */
function expectGroups(operation: string, length: number): void {
  if (length % LANES !== 0) throw new TypeError(`${operation}: expected a multiple of 16 values.`);
}

function expectLoss(operation: string, labels: Uint8Array, lanes: number, classes: number): void {
  expectWhole(operation, 'lanes', lanes, 0, LANES);
  expectWhole(operation, 'classes', classes, 1, 256);
  expectLabels(operation, labels, lanes, classes);
}
