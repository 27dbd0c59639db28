/** Thirty-two bits that look random, of an integer (the finaliser of MurmurHash3); make_golden.py repeats it. */
export function mix(n: number): number {
  let h = n >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Singles in [−scale, scale), the `first`-th of the sequence on. */
export function uniform(first: number, count: number, scale = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (mix(first + i) / 2 ** 31 - 1) * scale);
}

export function bytes(first: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => mix(first + i) & 255);
}

export function classesOf(first: number, count: number, classes: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => mix(first + i) % classes);
}

/** Largest |found − expected|, over the largest |expected|. NaN anywhere gives NaN, which no bound accepts. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.NaN;
  let error = 0;
  let size = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(found[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return error / size;
}

export function sameBits(a: Float32Array, b: Float32Array): boolean {
  const left = new Uint32Array(a.buffer, a.byteOffset, a.length);
  const right = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return a.length === b.length && left.every((word, i) => word === right[i]);
}
