/*
 * The one inner loop of convolution and linear layers: a tile of filters × columns of accumulators that stays in registers.
 *
 *   y[f·y_filter + j·y_column] = b[f] + Σ over outer, middle, inner of
 *     w[f·w_filter + outer·w_outer + …] · x[j·x_column + outer·x_outer + …]        (x, y: vectors; w, b: numbers)
 *
 * in this order from the bias on, whatever the tile: so the tile changes no bit. A column is an output position, or,
 * where there is one position only, a part of its lanes. Per step a tile of F × C loads F numbers and C vectors for F·C
 * multiply-adds; its size follows from the registers: F·C accumulators, C vectors of x, one weight.
 */
#ifndef ONKO_TILE_H
#define ONKO_TILE_H

#include "vector.h"

struct tile {
  float *y;
  const float *x, *w, *bias; /* bias NULL: sums start at 0 */
  ptrdiff_t y_filter, y_column, x_column, w_filter;
  ptrdiff_t outer, x_outer, w_outer;
  ptrdiff_t middle, x_middle, w_middle;
  ptrdiff_t inner, x_inner, w_inner;
  int adds; /* y += instead of y = */
};

INLINE void compute_tile(const struct tile *t, const int filters, const int columns) {
  V sum[12][4];
  UNROLL for (int f = 0; f < filters; f++) {
    const V from = t->bias == NULL ? all_v(0) : all_v(t->bias[f]);
    UNROLL for (int j = 0; j < columns; j++) sum[f][j] = from;
  }
  const ptrdiff_t x_column = t->x_column, w_filter = t->w_filter, x_inner = t->x_inner, w_inner = t->w_inner;
  const ptrdiff_t inner = t->inner;
  const float *x_outer = t->x, *w_outer = t->w;
  for (ptrdiff_t o = t->outer; o > 0; o--, x_outer += t->x_outer, w_outer += t->w_outer) {
    const float *x_middle = x_outer, *w_middle = w_outer;
    for (ptrdiff_t m = t->middle; m > 0; m--, x_middle += t->x_middle, w_middle += t->w_middle) {
      const float *x = x_middle, *w = w_middle;
      for (ptrdiff_t i = inner; i > 0; i--, x += x_inner, w += w_inner) {
        V column[4];
        UNROLL for (int j = 0; j < columns; j++) column[j] = load_v(x + j * x_column);
        UNROLL for (int f = 0; f < filters; f++) {
          const V weight = all_v(w[f * w_filter]);
          UNROLL for (int j = 0; j < columns; j++) sum[f][j] = fma_v(weight, column[j], sum[f][j]);
          IN_ORDER;
        }
      }
    }
  }
  UNROLL for (int f = 0; f < filters; f++) {
    UNROLL for (int j = 0; j < columns; j++) {
      float *y = t->y + f * t->y_filter + j * t->y_column;
      store_v(y, t->adds ? load_v(y) + sum[f][j] : sum[f][j]);
    }
  }
}

#define TILE(F, C) static void tile_##F##_##C(const struct tile *t) { compute_tile(t, F, C); }
#define ROW(C, M) M(1, C) M(2, C) M(3, C) M(4, C)
#define ROW6(C, M) ROW(C, M) M(5, C) M(6, C)
#define ROW8(C, M) ROW6(C, M) M(7, C) M(8, C)
#define ROW12(C, M) ROW8(C, M) M(9, C) M(10, C) M(11, C) M(12, C)
#define NAME(F, C) tile_##F##_##C,

typedef void tile_function(const struct tile *);

#if V_REGISTERS == 32
#define MOST_COLUMNS 4
static const int most_filters[] = {0, 12, 8, 8, 6};
ROW12(1, TILE) ROW8(2, TILE) ROW8(3, TILE) ROW6(4, TILE)
static tile_function *const tile_functions[5][13] = {
    {0}, {0, ROW12(1, NAME)}, {0, ROW8(2, NAME)}, {0, ROW8(3, NAME)}, {0, ROW6(4, NAME)}};
#else
#define MOST_COLUMNS 3
#if V_REGISTERS == 16
static const int most_filters[] = {0, 12, 6, 4};
#else
static const int most_filters[] = {0, 8, 4, 3};
#endif
ROW12(1, TILE) ROW6(2, TILE) ROW(3, TILE)
static tile_function *const tile_functions[4][13] = {
    {0}, {0, ROW12(1, NAME)}, {0, ROW6(2, NAME)}, {0, ROW(3, NAME)}};
#endif

/* Drops loops of one turn, so that the innermost one is worth its while. */
INLINE void fold_loops(struct tile *t) {
  for (int times = 0; times < 2 && t->inner == 1; times++) {
    t->inner = t->middle, t->x_inner = t->x_middle, t->w_inner = t->w_middle;
    t->middle = t->outer, t->x_middle = t->x_outer, t->w_middle = t->w_outer;
    t->outer = 1;
  }
}

/*
 * A line of `columns` output positions, x_column and y_column apart, for `filters` filters, all sixteen lanes. The tile
 * passed in describes filter 0, column 0, lane 0.
 */
static void compute_line(struct tile t, ptrdiff_t filters, ptrdiff_t columns) {
  ptrdiff_t parts = PARTS;
  fold_loops(&t);
  if (columns == 1) {
    columns = PARTS;
    parts = 1;
    t.x_column = t.y_column = V_LANES;
  }
  const ptrdiff_t across = divide_up(columns, MOST_COLUMNS);
  const ptrdiff_t down = divide_up(filters, most_filters[divide_up(columns, across)]);
  const struct tile origin = t;
  for (ptrdiff_t part = 0; part < parts; part++) {
    for (ptrdiff_t i = 0; i < down; i++) {
      const ptrdiff_t f = cut(filters, down, i);
      const ptrdiff_t f_count = cut(filters, down, i + 1) - f;
      t.w = origin.w + f * t.w_filter;
      t.bias = origin.bias == NULL ? NULL : origin.bias + f;
      for (ptrdiff_t k = 0; k < across; k++) {
        const ptrdiff_t j = cut(columns, across, k);
        t.x = origin.x + part * V_LANES + j * t.x_column;
        t.y = origin.y + part * V_LANES + f * t.y_filter + j * t.y_column;
        tile_functions[cut(columns, across, k + 1) - j][f_count](&t);
      }
    }
  }
}

#endif
