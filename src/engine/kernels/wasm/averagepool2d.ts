import { remember } from '../dims.js';
import type { Kernels } from '../kernels.js';
import { expectElements } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { averagePool2dSizes } from './sizes.js';

type Operations = Pick<Kernels, 'averagePool2dForward' | 'averagePool2dBackward'>;

/** Average pooling over one instance. */
export function averagePool2dOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(averagePool2dSizes);
  return {
    averagePool2dForward(y, x, dims) {
      const sizes = sizesOf(dims);
      expectElements('averagePool2dForward', 'y', y.length, sizes.y);
      expectElements('averagePool2dForward', 'x', x.length, sizes.x);
      try {
        operations.averagePool2dForward(output(y), input(x), input(sizes.row));
      } finally {
        finish();
      }
    },
    averagePool2dBackward(dx, dy, dims) {
      const sizes = sizesOf(dims);
      expectElements('averagePool2dBackward', 'dx', dx.length, sizes.x);
      expectElements('averagePool2dBackward', 'dy', dy.length, sizes.y);
      try {
        operations.averagePool2dBackward(output(dx), input(dy), input(sizes.row));
      } finally {
        finish();
      }
    },
  };
}
