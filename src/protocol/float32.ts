/** Whether this machine stores numbers as the wire does. */
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * f32 little-endian bytes[4n] → n values. A view of the same memory where alignment and byte order allow, else a
 * copy: treat it as read-only. RangeError if the length is no multiple of four.
 */
export function asFloat32(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) {
    throw new RangeError(`Expected a multiple of 4 bytes of f32 values, got ${bytes.byteLength}.`);
  }
  const count = bytes.byteLength / 4;
  if (littleEndian && bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const copy = new Uint8Array(bytes);
  return littleEndian ? new Float32Array(copy.buffer) : swapped(copy.buffer, count);
}

/** n values → f32 little-endian bytes[4n]: a view of the same memory on every usual machine. */
export function asBytes(values: Float32Array): Uint8Array {
  if (littleEndian) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true);
  return bytes;
}

function swapped(buffer: ArrayBuffer, count: number): Float32Array {
  const view = new DataView(buffer);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * 4, true));
}
