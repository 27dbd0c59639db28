import { remember } from '../dims.js';
import type { Kernels } from '../kernels.js';
import { expectElements } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { linearSizes } from './sizes.js';

type Operations = Pick<Kernels, 'linearForward' | 'linearBackwardInput' | 'linearBackwardParameters'>;

/** Linear layers over one instance. */
export function linearOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(linearSizes);
  return {
    linearForward(y, x, w, b, dims) {
      const sizes = sizesOf(dims);
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
      const sizes = sizesOf(dims);
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
      const sizes = sizesOf(dims);
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
  };
}
