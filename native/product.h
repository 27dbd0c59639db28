/*
 * Products of matrices, one per point: y[p][unit][·] = Σ over k of w[p][unit][k] · x[p][k][·], k in order, where · runs over
 * the lanes of `vectors` neighbouring vectors. The tiles of tile.h without their loops, which short sums would wait for.
 */
#ifndef ONKO_PRODUCT_H
#define ONKO_PRODUCT_H

#include "tile.h"

struct product {
  float *y;
  const float *x, *w;
  ptrdiff_t points, y_point, x_point, w_point;
  ptrdiff_t y_unit, w_unit;
  ptrdiff_t depth, x_depth;
  int adds; /* y += instead of y = */
};

INLINE void compute_product(const struct product *m, const int units, const int vectors) {
  const ptrdiff_t w_unit = m->w_unit, x_depth = m->x_depth, y_unit = m->y_unit, depth = m->depth;
  const int adds = m->adds;
  const float *x_point = m->x, *w_point = m->w;
  float *y = m->y;
  for (ptrdiff_t p = m->points; p > 0; p--, x_point += m->x_point, w_point += m->w_point, y += m->y_point) {
    V sum[12][4];
    UNROLL for (int u = 0; u < units; u++) {
      UNROLL for (int j = 0; j < vectors; j++) sum[u][j] = all_v(0);
    }
    const float *x = x_point, *w = w_point;
    for (ptrdiff_t k = depth; k > 0; k--, x += x_depth, w++) {
      V column[4];
      UNROLL for (int j = 0; j < vectors; j++) column[j] = load_v(x + j * V_LANES);
      UNROLL for (int u = 0; u < units; u++) {
        const V weight = all_v(w[u * w_unit]);
        UNROLL for (int j = 0; j < vectors; j++) sum[u][j] = fma_v(weight, column[j], sum[u][j]);
        IN_ORDER;
      }
    }
    UNROLL for (int u = 0; u < units; u++) {
      UNROLL for (int j = 0; j < vectors; j++) {
        float *to = y + u * y_unit + j * V_LANES;
        store_v(to, adds ? load_v(to) + sum[u][j] : sum[u][j]);
      }
    }
  }
}

#define PRODUCT(U, N) \
  static void product_##U##_##N(const struct product *m) { compute_product(m, U, N); }
#define PRODUCT_NAME(U, N) product_##U##_##N,

typedef void product_function(const struct product *);

#if V_REGISTERS == 32
ROW12(1, PRODUCT) ROW8(2, PRODUCT) ROW8(3, PRODUCT) ROW6(4, PRODUCT)
static product_function *const product_functions[5][13] = {{0},
                                                           {0, ROW12(1, PRODUCT_NAME)},
                                                           {0, ROW8(2, PRODUCT_NAME)},
                                                           {0, ROW8(3, PRODUCT_NAME)},
                                                           {0, ROW6(4, PRODUCT_NAME)}};
#else
ROW12(1, PRODUCT) ROW6(2, PRODUCT) ROW(3, PRODUCT)
static product_function *const product_functions[4][13] = {
    {0}, {0, ROW12(1, PRODUCT_NAME)}, {0, ROW6(2, PRODUCT_NAME)}, {0, ROW(3, PRODUCT_NAME)}};
#endif

/* Floats of x that stay in the nearest cache while the units pass by */
#define NEAR_FLOATS 4096

/* All units and vectors: `m` describes the first of each. As many points at a time as the nearest cache holds. */
static void multiply_matrices(struct product m, ptrdiff_t units, ptrdiff_t vectors) {
  const ptrdiff_t across = divide_up(vectors, MOST_COLUMNS);
  const ptrdiff_t down = divide_up(units, most_filters[divide_up(vectors, across)]);
  const ptrdiff_t together = most(1, NEAR_FLOATS / (m.depth * m.x_depth));
  const struct product all = m;
  for (ptrdiff_t p = 0; p < all.points; p += together) {
    m.points = least(together, all.points - p);
    for (ptrdiff_t i = 0; i < down; i++) {
      const ptrdiff_t u = cut(units, down, i), u_count = cut(units, down, i + 1) - u;
      m.w = all.w + p * m.w_point + u * m.w_unit;
      for (ptrdiff_t k = 0; k < across; k++) {
        const ptrdiff_t j = cut(vectors, across, k);
        m.x = all.x + p * m.x_point + j * V_LANES;
        m.y = all.y + p * m.y_point + u * m.y_unit + j * V_LANES;
        product_functions[cut(vectors, across, k + 1) - j][u_count](&m);
      }
    }
  }
}

#endif
