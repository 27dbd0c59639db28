/* 16 × 16 floats, rows for columns */
#ifndef ONKO_TRANSPOSE_H
#define ONKO_TRANSPOSE_H

#include "vector.h"

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (VI){__VA_ARGS__})
#endif

/* Of two vectors: lanes with bit `step` of their number clear, and those with it set, each pair side by side */
#if V_LANES == 16
#define LOW_1(a, b) SHUFFLE(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define HIGH_1(a, b) SHUFFLE(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#define LOW_2(a, b) SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_2(a, b) SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define LOW_4(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define HIGH_4(a, b) SHUFFLE(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define LOW_8(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define HIGH_8(a, b) SHUFFLE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#elif V_LANES == 8
#define LOW_1(a, b) SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH_1(a, b) SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define LOW_2(a, b) SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_2(a, b) SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW_4(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_4(a, b) SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define LOW_1(a, b) SHUFFLE(a, b, 0, 4, 2, 6)
#define HIGH_1(a, b) SHUFFLE(a, b, 1, 5, 3, 7)
#define LOW_2(a, b) SHUFFLE(a, b, 0, 1, 4, 5)
#define HIGH_2(a, b) SHUFFLE(a, b, 2, 3, 6, 7)
#endif

/* Swaps the two squares off the diagonal of every square of 2·step rows. */
#define SWAP(v, step) \
  UNROLL for (int i = 0; i < V_LANES; i++) { \
    if ((i & step) != 0) continue; \
    const V low = LOW_##step(v[i], v[i + step]), high = HIGH_##step(v[i], v[i + step]); \
    v[i] = low, v[i + step] = high; \
  }

/* x[rows][16] → y[16][rows], zeros up to sixteen; rows of x and y are x_step and y_step floats apart */
INLINE void transpose_rows(float *y, ptrdiff_t y_step, const float *x, ptrdiff_t x_step, const ptrdiff_t rows) {
  for (int top = 0; top < LANES; top += V_LANES) {
    for (int left = 0; left < LANES; left += V_LANES) {
      V v[V_LANES];
      UNROLL for (int i = 0; i < V_LANES; i++) v[i] = top + i < rows ? load_v(x + (top + i) * x_step + left) : all_v(0);
      SWAP(v, 1)
      SWAP(v, 2)
#if V_LANES >= 8
      SWAP(v, 4)
#endif
#if V_LANES == 16
      SWAP(v, 8)
#endif
      UNROLL for (int i = 0; i < V_LANES; i++) store_v(y + (left + i) * y_step + top, v[i]);
    }
  }
}

static void transpose(float *y, ptrdiff_t y_step, const float *x, ptrdiff_t x_step, ptrdiff_t rows) {
  if (rows == LANES) transpose_rows(y, y_step, x, x_step, LANES);
  else transpose_rows(y, y_step, x, x_step, rows);
}

#endif
