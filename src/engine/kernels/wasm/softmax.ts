import { type Kernels, LANES } from '../kernels.js';
import { expectElements, expectLabels, expectWhole } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';

type Operations = Pick<
  Kernels,
  | 'softmaxForward'
  | 'crossEntropyForward'
  | 'crossEntropyBackward'
  | 'softCrossEntropyForward'
  | 'softCrossEntropyBackward'
>;

/** Probabilities and losses over one instance. */
export function softmaxOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  return {
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
  };
}

function expectLoss(operation: string, labels: Uint8Array, lanes: number, classes: number): void {
  expectWhole(operation, 'lanes', lanes, 0, LANES);
  expectWhole(operation, 'classes', classes, 1, 256);
  expectLabels(operation, labels, lanes, classes);
}
