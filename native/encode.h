/* Vectors of f32 written shorter, as src/engine/encodings.ts says; src/engine/kernels/reference/encode.ts is the same in words. */
#ifndef ONKO_ENCODE_H
#define ONKO_ENCODE_H

#include "vector.h"

#define CHUNK 256
#define INFINITY_BITS 0x7f800000u
#define SIZE_BITS 0x7fffffffu

INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float with_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/* In a message, numbers stand wherever they may. */
INLINE void put_word(uint8_t *to, uint32_t word) { __builtin_memcpy(to, &word, sizeof word); }
INLINE void put_half(uint8_t *to, uint16_t half) { __builtin_memcpy(to, &half, sizeof half); }
INLINE uint16_t half_at(const uint8_t *from) {
  uint16_t half;
  __builtin_memcpy(&half, from, sizeof half);
  return half;
}
INLINE float float_at(const uint8_t *from) {
  float x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

INLINE uint16_t bfloat16_of(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return (uint16_t)((bits & SIZE_BITS) > INFINITY_BITS ? (bits >> 16) | 0x40u : rounded);
}

/* Of a chunk; sizes of f32 have the order of their bits, and NaN is above all */
INLINE uint32_t largest_bits(const float *x, ptrdiff_t count) {
  uint32_t largest = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    const uint32_t size = bits_of(x[i]) & SIZE_BITS;
    largest = size > largest ? size : largest;
  }
  return largest;
}

/* Below 2 in size → the nearest half float, ties to even */
INLINE uint16_t half_of(float x) {
  const uint32_t bits = bits_of(x), size = bits & SIZE_BITS;
  /* Of what is no normal half, the unit is that of 0.5 as an f32: adding it rounds. */
  const uint32_t small = bits_of(with_bits(size) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (size + 0xfffu + ((size >> 13) & 1u) - 0x38000000u) >> 13;
  return (uint16_t)(((bits >> 16) & 0x8000u) | (size < 0x38800000u ? small : normal));
}

INLINE float from_half(uint16_t half) {
  const uint32_t size = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
  const float finite = with_bits(size << 13) * 0x1p112f;
  return with_bits(sign | (size >= 0x7c00u ? INFINITY_BITS | size << 13 : bits_of(finite)));
}

static void encode_halves(uint8_t *scale_to, uint8_t *to, const float *x, ptrdiff_t count) {
  const uint32_t scale_bits = largest_bits(x, count) & INFINITY_BITS;
  put_word(scale_to, scale_bits);
  if (scale_bits == 0 || scale_bits == INFINITY_BITS) {
    __builtin_memset(to, 0, (size_t)count * 2);
    return;
  }
  const float scale = with_bits(scale_bits);
  for (ptrdiff_t i = 0; i < count; i++) put_half(to + i * 2, half_of(x[i] / scale));
}

/* Philox 4x32 of ten rounds (src/engine/rng.ts), sixteen blocks side by side: counters first … first + 15 → words[4][16] */
INLINE void philox_lanes(uint32_t words[4][LANES], uint32_t first, const int32_t *stream) {
  uint32_t k0 = (uint32_t)stream[0], k1 = (uint32_t)stream[1];
  for (int lane = 0; lane < LANES; lane++) {
    words[0][lane] = first + (uint32_t)lane;
    words[1][lane] = 0;
    words[2][lane] = (uint32_t)stream[2];
    words[3][lane] = (uint32_t)stream[3];
  }
  for (int round = 0; round < 10; round++) {
    for (int lane = 0; lane < LANES; lane++) {
      const uint64_t a = (uint64_t)0xd2511f53u * words[0][lane], b = (uint64_t)0xcd9e8d57u * words[2][lane];
      words[0][lane] = (uint32_t)(b >> 32) ^ words[1][lane] ^ k0;
      words[2][lane] = (uint32_t)(a >> 32) ^ words[3][lane] ^ k1;
      words[1][lane] = (uint32_t)b;
      words[3][lane] = (uint32_t)a;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
}

/* Down or up, up if the part behind the point is above `threshold`; from −127 to 127 */
INLINE int8_t round_at_random(float y, float threshold) {
  int32_t down = (int32_t)y;
  down -= y < (float)down;
  const int32_t rounded = down + (threshold < y - (float)down);
  return (int8_t)(rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
}

static void encode_chunk(uint8_t *scale_to, uint8_t *to, const float *x, ptrdiff_t count, uint32_t chunk,
                         const int32_t *stream) {
  const uint32_t largest = largest_bits(x, count);
  const float scale = with_bits(largest) / 127;
  /* Below the smallest normal number a scale is too coarse to divide by. */
  if (largest >= INFINITY_BITS || bits_of(scale) < 0x800000u) {
    put_word(scale_to, largest < INFINITY_BITS ? 0 : 0x7fc00000u);
    __builtin_memset(to, 0, (size_t)count);
    return;
  }
  put_word(scale_to, bits_of(scale));
  for (ptrdiff_t g = 0; g < 2; g++) {
    uint32_t words[4][LANES];
    philox_lanes(words, chunk * 32 + (uint32_t)g * LANES, stream);
    for (ptrdiff_t j = 0; j < 8; j++) {
      const ptrdiff_t first = g * 128 + j * LANES, n = least(LANES, count - first);
      if (n <= 0) return;
      float quotient[LANES] = {0};
      int8_t rounded[LANES];
      for (ptrdiff_t lane = 0; lane < n; lane++) quotient[lane] = x[first + lane] / scale;
      for (int lane = 0; lane < LANES; lane++) {
        const uint32_t half = words[j >> 1][lane] >> (16 * (j & 1)) & 0xffffu;
        rounded[lane] = round_at_random(quotient[lane], ((float)half + 0.5f) / 65536);
      }
      __builtin_memcpy(to + first, rounded, (size_t)n);
    }
  }
}

/* x[count] → bytes; stream[4] is read by int8 alone */
static void encode(uint8_t *bytes, const float *x, ptrdiff_t count, enum encoding encoding, const int32_t *stream) {
  const ptrdiff_t chunks = divide_up(count, CHUNK);
  uint8_t *to = bytes + chunks * 4;
  switch (encoding) {
  case ENCODING_F32: __builtin_memmove(bytes, x, (size_t)count * sizeof *x); return;
  case ENCODING_BF16:
    for (ptrdiff_t i = 0; i < count; i++) put_half(bytes + i * 2, bfloat16_of(x[i]));
    if (count % 2 != 0) put_half(bytes + count * 2, 0);
    return;
  case ENCODING_FP16:
    for (ptrdiff_t chunk = 0; chunk < chunks; chunk++) {
      const ptrdiff_t first = chunk * CHUNK;
      encode_halves(bytes + chunk * 4, to + first * 2, x + first, least(CHUNK, count - first));
    }
    if (count % 2 != 0) put_half(to + count * 2, 0);
    return;
  default:
    for (ptrdiff_t chunk = 0; chunk < chunks; chunk++) {
      const ptrdiff_t first = chunk * CHUNK;
      encode_chunk(bytes + chunk * 4, to + first, x + first, least(CHUNK, count - first), (uint32_t)chunk, stream);
    }
    for (ptrdiff_t i = count; i % 4 != 0; i++) to[i] = 0;
  }
}

INLINE void store_value(float *y, float value, const int add) { *y = add ? *y + value : value; }

INLINE void decode_all(float *y, const uint8_t *bytes, ptrdiff_t count, enum encoding encoding, const int add) {
  const ptrdiff_t chunks = divide_up(count, CHUNK);
  const uint8_t *from = bytes + chunks * 4;
  switch (encoding) {
  case ENCODING_F32:
    for (ptrdiff_t i = 0; i < count; i++) store_value(y + i, float_at(bytes + i * 4), add);
    return;
  case ENCODING_BF16:
    for (ptrdiff_t i = 0; i < count; i++) store_value(y + i, with_bits((uint32_t)half_at(bytes + i * 2) << 16), add);
    return;
  default: break;
  }
  for (ptrdiff_t chunk = 0; chunk < chunks; chunk++) {
    const ptrdiff_t first = chunk * CHUNK, n = least(CHUNK, count - first);
    const float scale = float_at(bytes + chunk * 4);
    if (encoding == ENCODING_FP16) {
      for (ptrdiff_t i = first; i < first + n; i++) store_value(y + i, from_half(half_at(from + i * 2)) * scale, add);
    } else {
      for (ptrdiff_t i = first; i < first + n; i++) store_value(y + i, (float)(int8_t)from[i] * scale, add);
    }
  }
}

/* y[count] ← the values of bytes, or y[count] += them */
static void decode(float *y, const uint8_t *bytes, ptrdiff_t count, enum encoding encoding, ptrdiff_t add) {
  if (add != 0) decode_all(y, bytes, count, encoding, 1);
  else decode_all(y, bytes, count, encoding, 0);
}

#endif
