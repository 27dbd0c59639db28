import { remember } from '../dims.js';
import type { Kernels } from '../kernels.js';
import { expectElements } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { depthwiseSizes } from './sizes.js';

type Operations = Pick<
  Kernels,
  'depthwiseForward' | 'depthwiseBackwardInput' | 'depthwiseBackwardParameters'
>;

/** Depthwise convolution over one instance. */
export function depthwiseOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(depthwiseSizes);
  return {
    depthwiseForward(y, x, w, b, dims) {
      const sizes = sizesOf(dims);
      expectElements('depthwiseForward', 'y', y.length, sizes.y);
      expectElements('depthwiseForward', 'x', x.length, sizes.x);
      expectElements('depthwiseForward', 'w', w.length, sizes.w);
      expectElements('depthwiseForward', 'b', b.length, dims.channels);
      try {
        operations.depthwiseForward(output(y), input(x), input(w), input(b), input(sizes.row));
      } finally {
        finish();
      }
    },
    depthwiseBackwardInput(dx, dy, w, dims) {
      const sizes = sizesOf(dims);
      expectElements('depthwiseBackwardInput', 'dx', dx.length, sizes.x);
      expectElements('depthwiseBackwardInput', 'dy', dy.length, sizes.y);
      expectElements('depthwiseBackwardInput', 'w', w.length, sizes.w);
      try {
        operations.depthwiseBackwardInput(output(dx), input(dy), input(w), input(sizes.row));
      } finally {
        finish();
      }
    },
    depthwiseBackwardParameters(dw, db, x, dy, dims) {
      const sizes = sizesOf(dims);
      expectElements('depthwiseBackwardParameters', 'dw', dw.length, sizes.w);
      expectElements('depthwiseBackwardParameters', 'db', db.length, dims.channels);
      expectElements('depthwiseBackwardParameters', 'x', x.length, sizes.x);
      expectElements('depthwiseBackwardParameters', 'dy', dy.length, sizes.y);
      try {
        operations.depthwiseBackwardParameters(output(dw), output(db), input(x), input(dy), input(sizes.row));
      } finally {
        finish();
      }
    },
  };
}
