/** Bits of an f32 exponent: all of them set in infinities and NaN only. */
const exponent = 0x7f80_0000;

/**
 * values[n] → whether all are finite, and a hash of their bits; one pass, about 0.2 ms for 60,000 values.
 * Not cryptographic: it tells honest machines that disagree from those that do not.
 */
export function fingerprint(
  values: Float32Array,
  lossSum: number,
  correct: number,
): { finite: boolean; hash: string } {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let a = 0x811c_9dc5;
  let b = 0x9e37_79b9;
  let finite = true;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if ((word & exponent) === exponent) finite = false;
    a = Math.imul(a ^ word, 0x0100_0193);
    b = Math.imul((b ^ word) + (a >>> 15), 0x85eb_ca6b);
  }
  for (const word of new Uint32Array(new Float64Array([lossSum, correct]).buffer)) {
    a = Math.imul(a ^ word, 0x0100_0193);
    b = Math.imul((b ^ word) + (a >>> 15), 0x85eb_ca6b);
  }
  return { finite: finite && Number.isFinite(lossSum), hash: hex(a) + hex(b) };
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
