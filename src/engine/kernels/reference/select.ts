const sizeBits = 0x7fff_ffff;

/** indices[kept] ← the places in x[n], ascending, of its largest sizes; of equal ones the first. Sizes of f32 have the order of their bits. */
export function selectLargest(indices: Int32Array, x: Float32Array): void {
  if (indices.length > x.length)
    throw new TypeError(
      `selectLargest: expected x to have at least ${indices.length} elements, found ${x.length}.`,
    );
  if (indices.length === 0) return;
  const sizes = Uint32Array.from(
    new Uint32Array(x.buffer, x.byteOffset, x.length),
    (bits) => bits & sizeBits,
  );
  const ordered = sizes.toSorted();
  const threshold = ordered[x.length - indices.length];
  // Of those that are just as large, how many are wanted.
  let equal = indices.length - sizes.reduce((above, size) => above + (size > threshold ? 1 : 0), 0);
  let found = 0;
  for (const [i, size] of sizes.entries()) {
    if (size < threshold) continue;
    if (size === threshold) {
      if (equal === 0) continue;
      equal -= 1;
    }
    indices[found] = i;
    found += 1;
  }
}
