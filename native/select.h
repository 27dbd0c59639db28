/* The places of the largest values; src/engine/kernels/reference/select.ts is the same in words. */
#ifndef ONKO_SELECT_H
#define ONKO_SELECT_H

#include "encode.h"

/* Sizes of f32 have the order of their bits, and NaN is above all. They are looked at from above, eleven and twice ten bits at a time. */
enum { SELECT_BINS = 2048 };

struct digit {
  int shift, bits;
};

INLINE uint32_t size_of(float x) { return bits_of(x) & SIZE_BITS; }

/* Whether one of LANES sizes is at least `least`: most have none, and are passed over at once */
INLINE int any_from(const float *x, uint32_t least_size) {
  uint32_t any = 0;
  for (int lane = 0; lane < LANES; lane++) any |= (uint32_t)(size_of(x[lane]) >= least_size);
  return any != 0;
}

/* How often each value of the digit comes among the sizes that begin with `prefix` */
static void count_digits(uint32_t *bins, const float *x, ptrdiff_t count, struct digit digit, uint32_t prefix) {
  const uint32_t mask = (1u << digit.bits) - 1;
  const int above = digit.shift + digit.bits;
  const uint32_t lowest = prefix << above;
  for (ptrdiff_t i = 0; i < count; i += LANES) {
    const ptrdiff_t n = least(LANES, count - i);
    if (n == LANES && !any_from(x + i, lowest)) continue;
    for (ptrdiff_t lane = 0; lane < n; lane++) {
      const uint32_t size = size_of(x[i + lane]);
      if (size >> above == prefix) bins[size >> digit.shift & mask]++;
    }
  }
}

/* The first digit, of all sizes: twice as many bins, so that equal neighbours do not wait for one another */
static void count_first_digits(uint32_t *bins, const float *x, ptrdiff_t count) {
  uint32_t odd[SELECT_BINS];
  __builtin_memset(odd, 0, sizeof odd);
  ptrdiff_t i = 0;
  for (; i + 1 < count; i += 2) {
    bins[size_of(x[i]) >> 20]++;
    odd[size_of(x[i + 1]) >> 20]++;
  }
  if (i < count) bins[size_of(x[i]) >> 20]++;
  for (int bin = 0; bin < SELECT_BINS; bin++) bins[bin] += odd[bin];
}

/* indices[kept] ← the places in x[count], ascending, of its `kept` ≤ count largest sizes; of equal ones the first */
static void select_largest(int32_t *indices, const float *x, ptrdiff_t count, ptrdiff_t kept) {
  if (kept <= 0) return;
  static const struct digit digits[] = {{20, 11}, {10, 10}, {0, 10}};
  uint32_t bins[SELECT_BINS];
  uint32_t threshold = 0;
  ptrdiff_t equal = kept; /* Of those that are as large as the threshold is so far, how many are wanted */
  for (int d = 0; d < 3; d++) {
    __builtin_memset(bins, 0, sizeof bins);
    if (d == 0) count_first_digits(bins, x, count);
    else count_digits(bins, x, count, digits[d], threshold);
    uint32_t bin = (1u << digits[d].bits) - 1;
    for (; bin > 0 && (ptrdiff_t)bins[bin] < equal; bin--) equal -= (ptrdiff_t)bins[bin];
    threshold = threshold << digits[d].bits | bin;
  }
  ptrdiff_t found = 0;
  for (ptrdiff_t i = 0; i < count && found < kept; i += LANES) {
    const ptrdiff_t n = least(LANES, count - i);
    if (n == LANES && !any_from(x + i, threshold)) continue;
    for (ptrdiff_t lane = 0; lane < n && found < kept; lane++) {
      const uint32_t size = size_of(x[i + lane]);
      if (size < threshold || (size == threshold && equal-- <= 0)) continue;
      indices[found++] = (int32_t)(i + lane);
    }
  }
}

#endif
