/**
 * Memory for the planes of one image, used again for the next: a fresh plane of a scan costs more time than most of what is done
 * with it, since the system hands it out page by page, and takes it back. One image at a time, and nothing of it may outlive the image;
 * both hold because `preprocess` is synchronous and returns an array of its own.
 *
 * It grows to what the largest image needed, a few megabytes at most: planes are bounded.
 */
let memory = new ArrayBuffer(0);
let usedBytes = 0;
let mostBytes = 0;

/** Everything that was handed out is free again. */
export function startImage(): void {
  if (mostBytes > memory.byteLength) memory = new ArrayBuffer(mostBytes);
  usedBytes = 0;
}

/** What `work` takes is free again when it returns: small memory stays in the cache. Its result must not be made of it. */
export function releasing<T>(work: () => T): T {
  const before = usedBytes;
  const result = work();
  usedBytes = before;
  return result;
}

/** Of any content: the caller writes every value before it reads one. */
export function floats(length: number): Float32Array {
  const at = take(4 * length);
  return at === null ? new Float32Array(length) : new Float32Array(memory, at, length);
}

/** As `floats`. */
export function doubles(length: number): Float64Array {
  const at = take(8 * length);
  return at === null ? new Float64Array(length) : new Float64Array(memory, at, length);
}

/** All zero. */
export function zeroBytes(length: number): Uint8Array {
  const at = take(length);
  return at === null ? new Uint8Array(length) : new Uint8Array(memory, at, length).fill(0);
}

/** All zero. */
export function zeroIntegers(length: number): Int32Array {
  const at = take(4 * length);
  return at === null ? new Int32Array(length) : new Int32Array(memory, at, length).fill(0);
}

/** @returns the offset, or null if it does not fit yet */
function take(sizeBytes: number): number | null {
  const at = usedBytes;
  // Every offset suits every type.
  usedBytes += Math.ceil(sizeBytes / 8) * 8;
  mostBytes = Math.max(mostBytes, usedBytes);
  return usedBytes <= memory.byteLength ? at : null;
}
