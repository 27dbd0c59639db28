/**
 * Transcendental functions in plain double arithmetic. The language lets every machine round `Math.exp` and its kin as it likes,
 * and they do differ; + − × ÷ and √ are exact to the last bit everywhere (IEEE 754), so what is built from them alone is too.
 *
 * Method: reduce the argument to a short interval, sum the Taylor series there to well below half a unit in the last place (ulp),
 * and carry the rounding error of the reduction along (Cody and Waite, "Software manual for the elementary functions", 1980).
 * Bounds stated below are against the true value; test/fixtures/engine/make_math_golden.py computes that to 60 digits.
 */

/** ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact. */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const log2OfE = Math.LOG2E;
/** π/2 in three parts, the first two of 33 bits each. */
const halfPiHigh = 1.5707963267341256;
const halfPiMiddle = 6.077100506303966e-11;
const halfPiLow = 2.0222662487959506e-21;
const twoOverPi = 0.6366197723675814;

/** Adding and subtracting it rounds to the nearest integer: the sum has no bits left for a fraction. */
const roundingShift = 1.5 * 2 ** 52;

const lowestExponent = -1022;
/** powersOfTwo[k − lowestExponent] = 2ᵏ for every k of a normal double; products of two are exact. */
const powersOfTwo = new Float64Array(2046);
powersOfTwo[-lowestExponent] = 1;
for (let k = 1; k <= 1023; k++) powersOfTwo[k - lowestExponent] = powersOfTwo[k - 1 - lowestExponent] * 2;
for (let k = -1; k >= lowestExponent; k--) {
  powersOfTwo[k - lowestExponent] = powersOfTwo[k + 1 - lowestExponent] / 2;
}

const f3 = 1 / 6;
const f4 = 1 / 24;
const f5 = 1 / 120;
const f6 = 1 / 720;
const f7 = 1 / 5040;
const f8 = 1 / 40_320;
const f9 = 1 / 362_880;
const f10 = 1 / 3_628_800;
const f11 = 1 / 39_916_800;
const f12 = 1 / 479_001_600;
const f13 = 1 / 6_227_020_800;
const f14 = 1 / 87_178_291_200;
const f15 = 1 / 1_307_674_368_000;
const f16 = 1 / 20_922_789_888_000;
const f17 = 1 / 355_687_428_096_000;
const f18 = 1 / 6_402_373_705_728_000;

/** (eʳ − 1 − r)/r² for |r| ≤ ln 2 / 2, even and odd terms apart: two short chains of operations run side by side. */
function expTail(r: number): number {
  const z = r * r;
  const even = 0.5 + z * (f4 + z * (f6 + z * (f8 + z * (f10 + z * f12))));
  const odd = f3 + z * (f5 + z * (f7 + z * (f9 + z * (f11 + z * f13))));
  return even + r * odd;
}

/** eˣ, less than 1 ulp off (results below 2⁻¹⁰²², which lose bits by nature: 1 of their ulps). */
export function exp(x: number): number {
  if (!(x < 709.8)) return x >= 709.8 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (x < -745.2) return 0;
  const k = x * log2OfE + roundingShift - roundingShift;
  const high = x - k * ln2High;
  const low = k * ln2Low;
  const r = high - low;
  const correction = high - r - low;
  const y = 1 + (r + (r * r * expTail(r) + correction));
  if (k >= lowestExponent && k <= 1023) return y * powersOfTwo[k - lowestExponent];
  if (k > 1023) return y * 2 * powersOfTwo[k - 1 - lowestExponent];
  return y * powersOfTwo[k + 60 - lowestExponent] * powersOfTwo[-60 - lowestExponent];
}

/** eˣ − 1 for −2 ≤ x ≤ 0, without the cancellation near 0. */
function expMinusOne(x: number): number {
  const k = x * log2OfE + roundingShift - roundingShift;
  const high = x - k * ln2High;
  const low = k * ln2Low;
  const r = high - low;
  const small = r + (r * r * expTail(r) + (high - r - low));
  const scale = powersOfTwo[k - lowestExponent];
  return scale * small + (scale - 1);
}

const pun = new Float64Array(1);
const punWords = new Uint32Array(pun.buffer);
/** Which of the two words of a double holds sign and exponent on this machine. */
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

const l1 = 2 / 3;
const l2 = 2 / 5;
const l3 = 2 / 7;
const l4 = 2 / 9;
const l5 = 2 / 11;
const l6 = 2 / 13;
const l7 = 2 / 15;
const l8 = 2 / 17;
const l9 = 2 / 19;
const l10 = 2 / 21;

/** Natural logarithm, less than 1 ulp off. log 0 = −∞; NaN below 0. */
export function log(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY)) {
    if (x === 0) return Number.NEGATIVE_INFINITY;
    return x > 0 ? x : Number.NaN;
  }
  let shift = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18_014_398_509_481_984;
    shift = 54;
  }
  pun[0] = x;
  const word = punWords[highWord];
  // The fraction 0x6a09e of √2 decides whether the mantissa is taken from [1, √2) or, with the next exponent, from [√2/2, 1).
  const exponent = (word >>> 20) - ((word & 0xfffff) >= 0x6a09e ? 1022 : 1023);
  const mantissa =
    exponent <= 1022
      ? x * powersOfTwo[-exponent - lowestExponent]
      : (x / 4) * powersOfTwo[2 - exponent - lowestExponent];
  const k = exponent - shift;
  // x = 2ᵏ(1 + f), log(1 + f) = 2 artanh s with s = f/(2 + f), and 2s = f − f²/2 + s·f²/2.
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const zz = z * z;
  const odd = l1 + zz * (l3 + zz * (l5 + zz * (l7 + zz * l9)));
  const even = l2 + zz * (l4 + zz * (l6 + zz * (l8 + zz * l10)));
  const series = z * (odd + z * even);
  const halfSquare = 0.5 * f * f;
  return k * ln2High - (halfSquare - (s * (halfSquare + series) + k * ln2Low) - f);
}

/** Largest argument of sin and cos: beyond it the three parts of π/2 no longer carry the reduction. */
const largestAngle = 1_647_099;
/** Reduced angle and its tail, written by reduceAngle. */
const reduced = new Float64Array(2);

/** x → r + t with |r| ≤ π/4 in `reduced`; returns the quadrant 0…3 that was taken off. */
function reduceAngle(x: number): number {
  if (!(x >= -largestAngle && x <= largestAngle)) {
    throw new RangeError(`Expected an angle within ±${largestAngle}, found ${x}.`);
  }
  const n = x * twoOverPi + roundingShift - roundingShift;
  const a = x - n * halfPiHigh;
  const b = n * halfPiMiddle;
  const difference = a - b;
  // Knuth's two-sum: the exact rounding error of the difference.
  const bSeen = a - difference;
  const error = a - (difference + bSeen) - (b - bSeen);
  const tail = error - n * halfPiLow;
  const r = difference + tail;
  reduced[0] = r;
  reduced[1] = tail - (r - difference);
  return n & 3;
}

/** sin(r + t), |r| ≤ π/4 */
function sineNearZero(r: number, t: number): number {
  const z = r * r;
  const series = z * (f5 - z * (f7 - z * (f9 - z * (f11 - z * (f13 - z * (f15 - z * f17)))))) - f3;
  return r + (r * z * series + t * (1 - 0.5 * z));
}

/** cos(r + t), |r| ≤ π/4 */
function cosineNearZero(r: number, t: number): number {
  const z = r * r;
  const half = 0.5 * z;
  const series = z * z * (f4 - z * (f6 - z * (f8 - z * (f10 - z * (f12 - z * (f14 - z * (f16 - z * f18)))))));
  const first = 1 - half;
  return first + (1 - first - half + (series - r * t));
}

/**
 * sin x, less than 1 ulp off, but where the result is below 2⁻⁴⁰ only within 2⁻⁹³.
 *
 * @throws RangeError beyond ±1,647,099 and for NaN
 */
export function sin(x: number): number {
  if (x === 0) return x;
  const quadrant = reduceAngle(x);
  const y =
    (quadrant & 1) === 0 ? sineNearZero(reduced[0], reduced[1]) : cosineNearZero(reduced[0], reduced[1]);
  return quadrant >= 2 ? -y : y;
}

/** cos x; bounds and errors as for `sin`. */
export function cos(x: number): number {
  const quadrant = reduceAngle(x);
  const y =
    (quadrant & 1) === 0 ? cosineNearZero(reduced[0], reduced[1]) : sineNearZero(reduced[0], reduced[1]);
  return quadrant === 1 || quadrant === 2 ? -y : y;
}

/** Hyperbolic tangent, less than 2 ulp off. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -28) return x;
  if (size >= 22) return x > 0 ? 1 : -1;
  if (size >= 1) {
    const y = 1 - 2 / (exp(2 * size) + 1);
    return x > 0 ? y : -y;
  }
  const t = expMinusOne(-2 * size);
  const y = -t / (t + 2);
  // Written so that NaN, which fails every comparison above, comes out as NaN.
  return x < 0 ? -y : y;
}

/** baseⁿ for an integer n ≥ 0, by repeated squaring: about log₂ n roundings, each half an ulp times what it still multiplies by. */
export function integerPower(base: number, n: number): number {
  if (!Number.isSafeInteger(n) || n < 0)
    throw new RangeError(`Expected a whole exponent from 0, found ${n}.`);
  let result = 1;
  let square = base;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
