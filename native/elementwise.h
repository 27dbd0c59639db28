/* Packing of bytes, activations, products and sums. Counts are multiples of 16 except where `count` is free. */
#ifndef ONKO_ELEMENTWISE_H
#define ONKO_ELEMENTWISE_H

#include "vector.h"

/* pixels[·][pixel_channels][area], from the group's first sample on, table[256] → x[channels][area][16] */
static void pack_pixels(float *x, const uint8_t *pixels, ptrdiff_t lanes, const float *table, ptrdiff_t pixel_channels,
                        ptrdiff_t channels, ptrdiff_t area) {
  for (ptrdiff_t c = 0; c < pixel_channels; c++) {
    const uint8_t *plane = pixels + c * area;
    float *to = x + c * area * LANES;
    if (lanes == LANES) {
      for (ptrdiff_t i = 0; i < area; i++, to += LANES) {
        UNROLL for (int lane = 0; lane < LANES; lane++) to[lane] = table[plane[lane * pixel_channels * area + i]];
      }
      continue;
    }
    for (ptrdiff_t i = 0; i < area; i++, to += LANES) {
      for (ptrdiff_t lane = 0; lane < LANES; lane++)
        to[lane] = lane < lanes ? table[plane[lane * pixel_channels * area + i]] : 0;
    }
  }
  for (ptrdiff_t c = pixel_channels; c < channels; c++)
    __builtin_memcpy(x + c * area * LANES, x, (size_t)(area * LANES) * sizeof *x);
}

/* eˣ, within 2 ulp from −87 on; below, about 2⁻¹²⁶. Cody–Waite reduction, the polynomial of Cephes' expf. */
INLINE V exp_v(V x) {
  const V lowest = all_v(-87.33654f), highest = all_v(88.02f);
  const V shift = all_v(12582912.0f); /* 1.5·2²³: adding it rounds to the nearest integer */
  const VI is_nan = x != x;
  V z = select_v(x < lowest, lowest, x);
  z = select_v(z > highest, highest, z);
  const V shifted = fma_v(z, all_v(1.44269504f), shift);
  const V n = shifted - shift;
  V r = fma_v(n, all_v(-0.693359375f), z);
  r = fma_v(n, all_v(2.12194440e-4f), r);
  V p = all_v(1.9875691500e-4f);
  p = fma_v(p, r, all_v(1.3981999507e-3f));
  p = fma_v(p, r, all_v(8.3334519073e-3f));
  p = fma_v(p, r, all_v(4.1665795894e-2f));
  p = fma_v(p, r, all_v(1.6666665459e-1f));
  p = fma_v(p, r, all_v(5.0000001201e-1f));
  const V y = fma_v(p, r * r, r) + all_v(1);
  /* The low bits of the shifted number are n: put into the exponent's place they scale by 2ⁿ. */
  const VI power = ((VI)shifted << 23) + 0x3f800000;
  return select_v(is_nan, x, y * (V)power);
}

INLINE V sigmoid_v(V x) { return all_v(1) / (all_v(1) + exp_v(-x)); }

/* Cephes' tanhf: a polynomial near 0, 1 − 2/(e²ˣ + 1) from 0.625 on */
INLINE V tanh_v(V x) {
  const VI sign = (VI)x & INT32_MIN;
  const V size = (V)((VI)x & INT32_MAX);
  const V z = x * x;
  V p = all_v(-5.70498872745e-3f);
  p = fma_v(p, z, all_v(2.06390887954e-2f));
  p = fma_v(p, z, all_v(-5.37397155531e-2f));
  p = fma_v(p, z, all_v(1.33314422036e-1f));
  p = fma_v(p, z, all_v(-3.33332819422e-1f));
  const V near = fma_v(p * z, x, x);
  const V far = all_v(1) - all_v(2) / (exp_v(size + size) + all_v(1));
  return select_v(size < all_v(0.625f), near, (V)((VI)far | sign));
}

INLINE V activate(V x, const enum activation which, V slope) {
  switch (which) {
  case ACTIVATION_RELU: return select_v(x <= all_v(0), all_v(0), x); /* NaN stays: a broken run shows */
  case ACTIVATION_LEAKY_RELU: return select_v(x > all_v(0), x, slope * x);
  case ACTIVATION_TANH: return tanh_v(x);
  default: return sigmoid_v(x);
  }
}

/* relu' = [y > 0], tanh' = 1 − y², sigmoid' = y·(1 − y) */
INLINE V derive(V dy, V y, const enum activation which, V slope) {
  switch (which) {
  case ACTIVATION_RELU: return select_v(y > all_v(0), dy, all_v(0));
  case ACTIVATION_LEAKY_RELU: return select_v(y > all_v(0), dy, slope * dy);
  case ACTIVATION_TANH: return dy * fma_v(-y, y, all_v(1));
  default: return dy * (y * (all_v(1) - y));
  }
}

INLINE void activate_all(float *y, const float *x, ptrdiff_t count, const enum activation which, float slope) {
  const V slopes = all_v(slope);
  for (ptrdiff_t i = 0; i < count; i += V_LANES) store_v(y + i, activate(load_v(x + i), which, slopes));
}

INLINE void derive_all(float *dx, const float *dy, const float *y, ptrdiff_t count, const enum activation which,
                       float slope) {
  const V slopes = all_v(slope);
  for (ptrdiff_t i = 0; i < count; i += V_LANES)
    store_v(dx + i, derive(load_v(dy + i), load_v(y + i), which, slopes));
}

/* x[count] → y[count]; count is a multiple of 16 */
static void activation_forward(float *y, const float *x, ptrdiff_t count, enum activation which, float slope) {
  switch (which) {
  case ACTIVATION_RELU: activate_all(y, x, count, ACTIVATION_RELU, slope); return;
  case ACTIVATION_LEAKY_RELU: activate_all(y, x, count, ACTIVATION_LEAKY_RELU, slope); return;
  case ACTIVATION_TANH: activate_all(y, x, count, ACTIVATION_TANH, slope); return;
  default: activate_all(y, x, count, ACTIVATION_SIGMOID, slope);
  }
}

/* dy[count], y[count] → dx[count]; count is a multiple of 16 */
static void activation_backward(float *dx, const float *dy, const float *y, ptrdiff_t count, enum activation which,
                                float slope) {
  switch (which) {
  case ACTIVATION_RELU: derive_all(dx, dy, y, count, ACTIVATION_RELU, slope); return;
  case ACTIVATION_LEAKY_RELU: derive_all(dx, dy, y, count, ACTIVATION_LEAKY_RELU, slope); return;
  case ACTIVATION_TANH: derive_all(dx, dy, y, count, ACTIVATION_TANH, slope); return;
  default: derive_all(dx, dy, y, count, ACTIVATION_SIGMOID, slope);
  }
}

static void multiply(float *y, const float *x, const float *m, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) store_v(y + i, load_v(x + i) * load_v(m + i));
  for (; i < count; i++) y[i] = x[i] * m[i];
}

static void add(float *y, const float *x, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) store_v(y + i, load_v(y + i) + load_v(x + i));
  for (; i < count; i++) y[i] += x[i];
}

#endif
