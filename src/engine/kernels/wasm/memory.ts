/** Arrays as the kernels take them. */
export type Values = Float32Array | Float64Array | Uint8Array | Int32Array;

/** The memory of one instance: what is allocated stays; above it, copies of other arrays live for the length of a call. */
export interface InstanceMemory {
  allocate: (length: number) => Float32Array;
  /** Address of what the call reads: the array itself where it lies in this memory, else a copy. */
  input: (array: Values) => number;
  /** The same for what the call writes; `finish` carries a copy back. */
  output: (array: Values) => number;
  /** The same for memory that is only computed in: nothing is copied. */
  place: (array: Values) => number;
  /** After each call, also one that did not come to pass. */
  finish: () => void;
}

const pageBytes = 65_536;
/** A cache line. */
const alignment = 64;
const align = (address: number): number => Math.ceil(address / alignment) * alignment;

/**
 * @param memory shared, so that growing it leaves the arrays in it where they are
 * @param base first address that is free
 */
export function createInstanceMemory(memory: WebAssembly.Memory, base: number): InstanceMemory {
  let allocated = align(base);
  let top = allocated;
  /** One per size that the memory has had: all are views of the same bytes. */
  const buffers = new WeakSet<ArrayBufferLike>();
  let bytes = new Uint8Array(memory.buffer);
  buffers.add(memory.buffer);
  const written: { array: Values; address: number }[] = [];

  /** The next `size` bytes. @throws RangeError when the memory cannot grow so far */
  const take = (size: number): number => {
    const address = top;
    const end = align(address + size);
    if (end > bytes.length) {
      memory.grow(Math.ceil((end - bytes.length) / pageBytes));
      bytes = new Uint8Array(memory.buffer);
      buffers.add(memory.buffer);
    }
    top = end;
    return address;
  };

  const input = (array: Values): number => {
    if (buffers.has(array.buffer)) return array.byteOffset;
    const address = take(array.byteLength);
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address);
    return address;
  };

  return {
    place: (array) => (buffers.has(array.buffer) ? array.byteOffset : take(array.byteLength)),
    allocate(length) {
      const address = take(length * Float32Array.BYTES_PER_ELEMENT);
      allocated = top;
      return new Float32Array(memory.buffer, address, length).fill(0);
    },
    input,
    output(array) {
      const address = input(array);
      if (!buffers.has(array.buffer)) written.push({ array, address });
      return address;
    },
    finish() {
      for (let next = written.pop(); next !== undefined; next = written.pop()) {
        const { array, address } = next;
        const to = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        to.set(bytes.subarray(address, address + array.byteLength));
      }
      top = allocated;
    },
  };
}
