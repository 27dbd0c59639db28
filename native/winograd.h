/*
 * Winograd's minimal filtering. A tile of 6 × 6 inputs gives m × m outputs of a K × K kernel, m + K − 1 = 6: both are taken
 * for polynomials, multiplied at the points 0, ±5/8, ±3/2 and ∞ of each axis, and the outputs are read off. That is 36 products
 * in place of m²·K², and lane-wise sums before and after. Along one axis, with E(n) the values of a polynomial of n
 * coefficients at the points, N the derivative of Π (z − point) at them, and B below:
 *
 *   outputs of a correlation   y  = E(m)ᵀ [ (E(K) w / N) · (Bᵀ x) ]
 *   gradient of the kernel     dw = E(K)ᵀ [ (E(m) dy / N) · (Bᵀ x) ]
 *
 * All factors but 1/N are exact in single precision. Lavin and Gray, "Fast algorithms for convolutional neural networks"
 * (2015); the points are chosen for small rounding errors, see docs/decisions/0008-winograd.md.
 */
#ifndef ONKO_WINOGRAD_H
#define ONKO_WINOGRAD_H

#include "kernels.h"
#include "vector.h"

#define POINTS 6
#define POINTS_2D (POINTS * POINTS)
#define WINOGRAD_TILE(kernel) (POINTS + 1 - (kernel))

#define A1 0.625f
#define A2 (A1 * A1)
#define B1 1.5f
#define B2 (B1 * B1)

static const float per_derivative[POINTS] = {
    1 / (A2 * B2),
    1 / (2 * A2 * (A2 - B2)),
    1 / (2 * A2 * (A2 - B2)),
    1 / (2 * B2 * (B2 - A2)),
    1 / (2 * B2 * (B2 - A2)),
    1,
};

INLINE V times_v(float factor, V v) { return all_v(factor) * v; }
INLINE V plus_times(V sum, float factor, V v) { return fma_v(all_v(factor), v, sum); }

/* v = Bᵀ d: row i holds the coefficients of Π over the finite points but the i-th; the last one of them all */
INLINE void from_inputs(V v[POINTS], const V d[POINTS]) {
  const V even_a = plus_times(d[4], -B2, d[2]), odd_a = plus_times(d[3], -B2, d[1]);
  const V even_b = plus_times(d[4], -A2, d[2]), odd_b = plus_times(d[3], -A2, d[1]);
  v[0] = plus_times(plus_times(d[4], -(A2 + B2), d[2]), A2 * B2, d[0]);
  v[1] = plus_times(even_a, A1, odd_a);
  v[2] = plus_times(even_a, -A1, odd_a);
  v[3] = plus_times(even_b, B1, odd_b);
  v[4] = plus_times(even_b, -B1, odd_b);
  v[5] = plus_times(plus_times(d[5], -(A2 + B2), d[3]), A2 * B2, d[1]);
}

/* v = E(n) c, for n of 2 to 5 */
INLINE void to_points(V v[POINTS], const V c[], const int n) {
  V even_a = c[0], even_b = c[0], odd_a = c[1], odd_b = c[1];
  if (n > 2) {
    even_a = plus_times(even_a, A2, n > 4 ? plus_times(c[2], A2, c[4]) : c[2]);
    even_b = plus_times(even_b, B2, n > 4 ? plus_times(c[2], B2, c[4]) : c[2]);
  }
  if (n > 3) {
    odd_a = plus_times(odd_a, A2, c[3]);
    odd_b = plus_times(odd_b, B2, c[3]);
  }
  v[0] = c[0];
  v[1] = plus_times(even_a, A1, odd_a);
  v[2] = plus_times(even_a, -A1, odd_a);
  v[3] = plus_times(even_b, B1, odd_b);
  v[4] = plus_times(even_b, -B1, odd_b);
  v[5] = c[n - 1];
}

/* c = E(n)ᵀ v */
INLINE void from_points(V c[], const V v[POINTS], const int n) {
  const V even_a = v[1] + v[2], odd_a = v[1] - v[2], even_b = v[3] + v[4], odd_b = v[3] - v[4];
  c[0] = v[0] + (even_a + even_b);
  c[1] = plus_times(times_v(A1, odd_a), B1, odd_b);
  if (n > 2) c[2] = plus_times(times_v(A2, even_a), B2, even_b);
  if (n > 3) c[3] = plus_times(times_v(A2 * A1, odd_a), B2 * B1, odd_b);
  if (n > 4) c[4] = plus_times(times_v(A2 * A2, even_a), B2 * B2, even_b);
  c[n - 1] += v[5];
}

/*
 * How outputs are cut into tiles, and these into strips that are computed together: blocks of `rows` × at most `columns` tiles,
 * `pieces` side by side. Depends on the dims alone, since the gradient of the parameters is summed by strips.
 */
struct tiling {
  ptrdiff_t down, across, rows, columns, pieces;
};

#define MOST_STRIP_COLUMNS 8

/* `most_tiles`: what the caches bear, from 1 to MOST_STRIP_COLUMNS */
INLINE struct tiling cut_into_tiles(ptrdiff_t height, ptrdiff_t width, ptrdiff_t m, ptrdiff_t most_tiles) {
  struct tiling t = {.down = divide_up(height, m), .across = divide_up(width, m)};
  t.pieces = divide_up(t.across, most_tiles);
  t.columns = divide_up(t.across, t.pieces);
  t.rows = least(t.down, most_tiles / t.columns);
  return t;
}

struct strip {
  ptrdiff_t row, rows, column, columns; /* of tiles */
};

INLINE struct strip strip_at(const struct tiling *t, ptrdiff_t row, ptrdiff_t piece) {
  const ptrdiff_t column = cut(t->across, t->pieces, piece);
  return (struct strip){row, least(t->rows, t->down - row), column, cut(t->across, t->pieces, piece + 1) - column};
}

/* Workspaces are no larger than this, in floats: 64 MiB. Beyond, convolutions are computed directly. */
#define MOST_WORKSPACE ((double)(1 << 24))

/*
 * A plane of vectors by rows; the first tile begins at (origin_row, origin_column), which may be off it. What is off the
 * plane is zero.
 */
struct plane {
  const float *x;
  ptrdiff_t height, width, origin_row, origin_column;
};

/* Where values at the points go, in floats: from point to point, and from tile to tile, which run along the strip's rows */
struct at_points {
  float *v;
  ptrdiff_t point_step, tile_step;
};

/* Bᵀ x B for the 6 × 6 inputs of each tile; tiles stand m apart and share 6 − m rows or columns. One part of the lanes. */
INLINE void transform_inputs(struct at_points to, const struct plane *p, const struct strip *s, const int m) {
  V seen[(MOST_STRIP_COLUMNS - 1) * 4 + POINTS][POINTS];
  const ptrdiff_t columns = (s->columns - 1) * m + POINTS, left = p->origin_column + s->column * m;
  const ptrdiff_t step = p->width * LANES;
  for (ptrdiff_t r = 0; r < s->rows; r++) {
    const ptrdiff_t top = p->origin_row + (s->row + r) * m;
    const int inside = top >= 0 && top + POINTS <= p->height;
    for (ptrdiff_t j = 0; j < columns; j++) {
      const ptrdiff_t column = left + j;
      V d[POINTS];
      if (column < 0 || column >= p->width) {
        UNROLL for (int i = 0; i < POINTS; i++) seen[j][i] = all_v(0);
        continue;
      }
      UNROLL for (int i = 0; i < POINTS; i++) {
        if (inside || (top + i >= 0 && top + i < p->height))
          d[i] = load_v(p->x + (top + i) * step + column * LANES);
        else
          d[i] = all_v(0);
      }
      from_inputs(seen[j], d);
    }
    for (ptrdiff_t t = 0; t < s->columns; t++, to.v += to.tile_step) {
      UNROLL for (int i = 0; i < POINTS; i++) {
        V d[POINTS], v[POINTS];
        UNROLL for (int j = 0; j < POINTS; j++) d[j] = seen[t * m + j][i];
        from_inputs(v, d);
        UNROLL for (int j = 0; j < POINTS; j++) store_v(to.v + (i * POINTS + j) * to.point_step, v[j]);
      }
    }
  }
}

#endif
