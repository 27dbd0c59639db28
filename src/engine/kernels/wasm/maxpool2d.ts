import { remember } from '../dims.js';
import type { Kernels } from '../kernels.js';
import { expectElements } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { pool2dSizes } from './sizes.js';

type Operations = Pick<Kernels, 'maxPool2dForward' | 'maxPool2dBackward'>;

/** Max pooling over one instance. */
export function maxPool2dOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(pool2dSizes);
  return {
    maxPool2dForward(y, argmax, x, dims) {
      const sizes = sizesOf(dims);
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
      const sizes = sizesOf(dims);
      expectElements('maxPool2dBackward', 'dx', dx.length, sizes.x);
      expectElements('maxPool2dBackward', 'dy', dy.length, sizes.y);
      expectElements('maxPool2dBackward', 'argmax', argmax.length, sizes.y);
      try {
        operations.maxPool2dBackward(output(dx), input(dy), input(argmax), input(sizes.row));
      } finally {
        finish();
      }
    },
  };
}
