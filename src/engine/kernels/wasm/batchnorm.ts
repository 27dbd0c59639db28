import { remember } from '../dims.js';
import { type Kernels, LANES } from '../kernels.js';
import { expectElements, expectWhole } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';
import { batchNormSizes } from './sizes.js';

type Operations = Pick<
  Kernels,
  'batchNormStatistics' | 'batchNormForward' | 'batchNormBackwardParameters' | 'batchNormBackwardInput'
>;

/** Batch normalisation over one instance. */
export function batchNormOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  const sizesOf = remember(batchNormSizes);
  return {
    batchNormStatistics(statistics, x, lanes, dims) {
      const { channels, area } = dims;
      expectElements('batchNormStatistics', 'x', x.length, sizesOf(dims).x);
      expectElements('batchNormStatistics', 'statistics', statistics.length, 2 * channels);
      expectWhole('batchNormStatistics', 'lanes', lanes, 1, LANES);
      try {
        operations.batchNormStatistics(output(statistics), input(x), lanes, channels, area);
      } finally {
        finish();
      }
    },
    batchNormForward(y, x, w, b, statistics, dims) {
      const { channels, area } = dims;
      const sizes = sizesOf(dims);
      expectElements('batchNormForward', 'y', y.length, sizes.x);
      expectElements('batchNormForward', 'x', x.length, sizes.x);
      expectElements('batchNormForward', 'w', w.length, channels);
      expectElements('batchNormForward', 'b', b.length, channels);
      expectElements('batchNormForward', 'statistics', statistics.length, 2 * channels);
      try {
        operations.batchNormForward(
          output(y),
          input(x),
          input(w),
          input(b),
          input(statistics),
          channels,
          area,
        );
      } finally {
        finish();
      }
    },
    batchNormBackwardParameters(dw, db, sums, x, dy, statistics, lanes, dims) {
      const { channels, area } = dims;
      const sizes = sizesOf(dims);
      expectElements('batchNormBackwardParameters', 'dw', dw.length, channels);
      expectElements('batchNormBackwardParameters', 'db', db.length, channels);
      expectElements('batchNormBackwardParameters', 'sums', sums.length, 2 * channels);
      expectElements('batchNormBackwardParameters', 'x', x.length, sizes.x);
      expectElements('batchNormBackwardParameters', 'dy', dy.length, sizes.x);
      expectElements('batchNormBackwardParameters', 'statistics', statistics.length, 2 * channels);
      expectWhole('batchNormBackwardParameters', 'lanes', lanes, 1, LANES);
      try {
        operations.batchNormBackwardParameters(
          output(dw),
          output(db),
          output(sums),
          input(x),
          input(dy),
          input(statistics),
          lanes,
          channels,
          area,
        );
      } finally {
        finish();
      }
    },
    batchNormBackwardInput(dx, x, dy, w, statistics, sums, lanes, dims) {
      const { channels, area } = dims;
      const sizes = sizesOf(dims);
      expectElements('batchNormBackwardInput', 'dx', dx.length, sizes.x);
      expectElements('batchNormBackwardInput', 'x', x.length, sizes.x);
      expectElements('batchNormBackwardInput', 'dy', dy.length, sizes.x);
      expectElements('batchNormBackwardInput', 'w', w.length, channels);
      expectElements('batchNormBackwardInput', 'statistics', statistics.length, 2 * channels);
      expectElements('batchNormBackwardInput', 'sums', sums.length, 2 * channels);
      expectWhole('batchNormBackwardInput', 'lanes', lanes, 1, LANES);
      try {
        operations.batchNormBackwardInput(
          output(dx),
          input(x),
          input(dy),
          input(w),
          input(statistics),
          input(sums),
          lanes,
          channels,
          area,
        );
      } finally {
        finish();
      }
    },
  };
}
