/**
 * How a vector of f32 values is written shorter, little-endian, with up to three zero bytes at the end so that the length is a multiple
 * of four:
 * - `bf16`: u16[n], the upper half of each f32, rounded to nearest, ties to even
 * - `fp16`: f32 scale[chunks], then u16[n]: IEEE half floats of x / scale, rounded to nearest, ties to even. The scale is the power of two
 *   in the exponent of the chunk's largest size, so that no value overflows
 * - `int8`: f32 scale[chunks], then i8[n]: x / scale rounded down or up at random, so that its mean is x / scale. The scale is 1/127 of the
 *   chunk's largest size. (Alistarh et al., "QSGD", 2017, with 127 levels and the largest size in place of the norm.)
 *
 * A chunk is 256 values. A chunk that holds infinities or NaN has a scale that is none either, and reads as NaN.
 */
export type Encoding = 'f32' | 'bf16' | 'fp16' | 'int8';

/** Values under one scale. */
export const chunkValues = 256;

/** Numbers of the encodings in native/encode.h. */
export const encodingNumbers = { f32: 0, bf16: 1, fp16: 2, int8: 3 } as const;

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** Bytes that `count` values take. */
export function encodedBytes(encoding: Encoding, count: number): number {
  const scales = Math.ceil(count / chunkValues) * 4;
  switch (encoding) {
    case 'f32':
      return count * 4;
    case 'bf16':
      return padded(count * 2);
    case 'fp16':
      return scales + padded(count * 2);
    case 'int8':
      return scales + padded(count);
    default:
      throw new TypeError(`Not an encoding: ${String(encoding satisfies never)}`);
  }
}

/** Whether all `count` values that stand in the bytes are finite; `words`: the bytes in fours, of which there are as many as they take. */
export function encodedFinite(encoding: Encoding, words: Uint32Array, count: number): boolean {
  const scales = encoding === 'fp16' || encoding === 'int8' ? Math.ceil(count / chunkValues) : 0;
  const singles = encoding === 'f32' ? count : scales;
  for (let i = 0; i < singles; i++) if ((words[i] & 0x7f80_0000) === 0x7f80_0000) return false;
  if (encoding === 'f32' || encoding === 'int8') return true;
  return halvesFinite(words, scales, count, encoding === 'bf16' ? 0x7f80 : 0x7c00);
}

/** Two values stand in a word. Where the bits of `exponent` are all ones, its lowest one added carries over into the sign. */
function halvesFinite(words: Uint32Array, first: number, count: number, exponent: number): boolean {
  const mask = exponent | (exponent << 16);
  const lowest = exponent & -exponent;
  const one = lowest | (lowest << 16);
  const whole = first + (count >>> 1);
  let carried = 0;
  for (let i = first; i < whole; i++) carried |= ((words[i] & mask) + one) | 0;
  // What stands beside the last one of an odd number is no value.
  if (count % 2 === 1) carried |= (words[whole] & exponent) + lowest;
  return (carried & 0x8000_8000) === 0;
}
