import { rowLength } from '../augmentation-row.js';
import { remember } from '../dims.js';
import type { Kernels } from '../kernels.js';
import { expectElements, expectWhole } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { augmentSizes } from './sizes.js';

type Operations = Pick<Kernels, 'augment'>;

/** Augmentation of images over one instance. */
export function augmentOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(augmentSizes);
  return {
    augment(pixels, count, rows, scratch, dims) {
      const sizes = sizesOf(dims);
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
