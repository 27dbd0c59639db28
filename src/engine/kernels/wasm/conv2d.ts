import { remember } from '../dims.js';
import type { Conv2dDims, Kernels } from '../kernels.js';
import { expectElements, expectRoom } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { conv2dSizes } from './sizes.js';

type Operations = Pick<
  Kernels,
  'conv2dWorkspace' | 'conv2dForward' | 'conv2dBackwardInput' | 'conv2dBackwardParameters'
>;

/** Convolution over one instance. */
export function conv2dOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, place, finish } = memory;
  const sizesOf = remember((dims: Conv2dDims) => {
    const sizes = conv2dSizes(dims);
    try {
      return { ...sizes, workspace: operations.conv2dWorkspace(input(sizes.row)) };
    } finally {
      finish();
    }
  });
  return {
    conv2dWorkspace: (dims) => sizesOf(dims).workspace,
    conv2dForward(y, x, w, b, dims, workspace) {
      const sizes = sizesOf(dims);
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
      const sizes = sizesOf(dims);
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
      const sizes = sizesOf(dims);
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
  };
}
