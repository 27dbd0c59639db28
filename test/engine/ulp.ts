const double = new Float64Array(1);
const word = new BigInt64Array(double.buffer);

/** Place of a double among all doubles, in order of size: neighbours differ by 1. */
function place(x: number): bigint {
  double[0] = x;
  return word[0] < 0n ? -(word[0] & 0x7fff_ffff_ffff_ffffn) : word[0];
}

/** How many doubles lie between two: 0 for equal ones (and for two NaNs), 1 for neighbours. */
export function ulps(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b))
    return Number.isNaN(a) && Number.isNaN(b) ? 0 : Number.POSITIVE_INFINITY;
  const distance = place(a) - place(b);
  return Number(distance < 0n ? -distance : distance);
}
