import { encodedBytes, encodingNumbers } from '../../encodings.js';
import type { Kernels } from '../kernels.js';
import { expectElements, expectRoom } from './checks.js';
import type { WasmOperations } from './instance.js';
import type { InstanceMemory } from './memory.js';

type Operations = Pick<Kernels, 'encode' | 'decode' | 'selectLargest'>;

/** Shorter vectors over one instance. */
export function encodeOf(operations: WasmOperations, memory: InstanceMemory): Operations {
  const { input, output, finish } = memory;
  return {
    encode(bytes, x, encoding, stream) {
      expectElements('encode', 'bytes', bytes.length, encodedBytes(encoding, x.length));
      expectElements('encode', 'stream', stream.length, 4);
      const number = encodingNumbers[encoding];
      try {
        operations.encode(output(bytes), input(x), x.length, number, input(stream));
      } finally {
        finish();
      }
    },
    decode(y, bytes, encoding, add) {
      expectElements('decode', 'bytes', bytes.length, encodedBytes(encoding, y.length));
      try {
        operations.decode(output(y), input(bytes), y.length, encodingNumbers[encoding], add ? 1 : 0);
      } finally {
        finish();
      }
    },
    selectLargest(indices, x) {
      expectRoom('selectLargest', 'x', x.length, indices.length);
      try {
        operations.selectLargest(output(indices), input(x), x.length, indices.length);
      } finally {
        finish();
      }
    },
  };
}
