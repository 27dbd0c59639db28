import { activationNumbers, slopeOf } from '../activation.js';
import { remember } from '../dims.js';
import { type Kernels, LANES } from '../kernels.js';
import { expectElements, expectWhole } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { packSizes } from './sizes.js';

type Operations = Pick<
  Kernels,
  'packPixels' | 'activationForward' | 'activationBackward' | 'multiply' | 'add'
>;

/** Packing of bytes, activations, products and sums over one instance. */
export function elementwiseOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(packSizes);
  return {
    packPixels(x, pixels, first, lanes, table, dims) {
      const sizes = sizesOf(dims);
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
    add(y, x) {
      expectElements('add', 'x', x.length, y.length);
      try {
        operations.add(output(y), input(x), y.length);
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
