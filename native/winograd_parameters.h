/*
 * The gradient of the weights of a convolution of stride 1 by Winograd's products (winograd.h). At each of the 36 points the
 * slopes dy of all filters and the inputs x of all channels are two matrices, and their product sums over tiles and lanes
 * alike. One of the two, the left, stands in it as numbers; of the other, the right, vectors hold sixteen neighbouring
 * filters or channels: so no sum runs across a vector.
 */
#ifndef ONKO_WINOGRAD_PARAMETERS_H
#define ONKO_WINOGRAD_PARAMETERS_H

#include "correlation.h"
#include "product.h"
#include "transpose.h"
#include "winograd.h"

/* All planes of x or of dy */
struct planes {
  struct plane first;
  ptrdiff_t count, step;
  ptrdiff_t dw_step; /* in floats, from one to the next in the gradient */
  ptrdiff_t extent;  /* rows and columns of a tile */
  int are_slopes;
};

struct gradient_tiling {
  struct tiling tiling;
  struct planes left, right;
  ptrdiff_t padded; /* right.count, rounded up to sixteen */
  /* In floats, from one point to the next; see `correlation_tiling` */
  ptrdiff_t sums, lefts, rights;
  ptrdiff_t window;
};

INLINE struct gradient_tiling tile_gradient(const float *x, const float *dy, const struct conv2d_dims *d) {
  const ptrdiff_t area = d->kernel * d->kernel, m = WINOGRAD_TILE(d->kernel);
  const struct planes inputs = {.first = {x, d->height, d->width, -d->padding, -d->padding},
                                .count = d->channels,
                                .step = d->height * d->width * LANES,
                                .dw_step = area,
                                .extent = POINTS};
  const struct planes slopes = {.first = {dy, d->out_height, d->out_width, 0, 0},
                                .count = d->filters,
                                .step = d->out_height * d->out_width * LANES,
                                .dw_step = d->channels * area,
                                .extent = m,
                                .are_slopes = 1};
  /* Vectors hold whatever fills them better. */
  const ptrdiff_t channel_vectors = divide_up(d->channels, LANES), filter_vectors = divide_up(d->filters, LANES);
  const int swapped = d->channels * filter_vectors < d->filters * channel_vectors;
  const ptrdiff_t most_tiles = most(4, least(MOST_STRIP_COLUMNS, 256 / most(d->channels, d->filters)));
  struct gradient_tiling t = {
      .tiling = cut_into_tiles(d->out_height, d->out_width, m, most_tiles),
      .left = swapped ? inputs : slopes,
      .right = swapped ? slopes : inputs,
      .padded = (swapped ? filter_vectors : channel_vectors) * LANES,
  };
  const ptrdiff_t tiles = t.tiling.rows * t.tiling.columns;
  t.sums = t.left.count * t.padded;
  const ptrdiff_t rest = t.right.extent - m;
  t.window = (((t.tiling.rows * m + rest) * (t.tiling.columns * m + rest)) * LANES + LANES) * LANES;
  t.lefts = (t.left.count * tiles + 1) * LANES;
  t.rights = (tiles * t.padded + 1) * LANES;
  return t;
}

/* Floats that `gradient_by_points` needs to work in, or 0: better directly. Depends on the dims alone. */
static ptrdiff_t gradient_workspace(const struct conv2d_dims *d) {
  if (d->stride != 1 || (d->kernel != 3 && d->kernel != 5)) return 0;
  const struct gradient_tiling t = tile_gradient(NULL, NULL, d);
  const struct axis rows = {.count = d->out_height, .taps = d->kernel, .origin = -d->padding, .extent = d->height};
  const struct axis columns = {.count = d->out_width, .taps = d->kernel, .origin = -d->padding, .extent = d->width};
  const double left = (double)t.left.count, padded = (double)t.padded;
  /* As in `correlation_workspace`; computed directly, the gradient takes longer than a correlation. */
  const double directly =
      1.18 * (double)d->filters * (double)d->channels * (double)taps_seen(&rows) * (double)taps_seen(&columns);
  const double by_points = (double)t.tiling.down * (double)t.tiling.across *
                               (POINTS_2D * left * padded + 230 * left + 300 * padded) +
                           12 * left * padded;
  const double floats = POINTS_2D * ((double)t.sums + (double)t.lefts + (double)t.rights) + (double)t.window;
  return by_points < directly && floats <= MOST_WORKSPACE ? (ptrdiff_t)floats : 0;
}

/* E(m) dy E(m)ᵀ for the m × m slopes of each tile. One part of the lanes. */
INLINE void transform_slopes(struct at_points to, const struct plane *p, const struct strip *s, const int m) {
  for (ptrdiff_t r = 0; r < s->rows; r++) {
    const ptrdiff_t top = p->origin_row + (s->row + r) * m;
    for (ptrdiff_t t = 0; t < s->columns; t++, to.v += to.tile_step) {
      const ptrdiff_t left = p->origin_column + (s->column + t) * m;
      V down[4][POINTS];
      UNROLL for (int j = 0; j < m; j++) {
        V d[4];
        UNROLL for (int i = 0; i < m; i++) {
          const int inside = top + i < p->height && left + j < p->width;
          d[i] = inside ? load_v(p->x + ((top + i) * p->width + left + j) * LANES) : all_v(0);
        }
        to_points(down[j], d, m);
      }
      UNROLL for (int i = 0; i < POINTS; i++) {
        V row[4], v[POINTS];
        UNROLL for (int j = 0; j < m; j++) row[j] = down[j][i];
        to_points(v, row, m);
        UNROLL for (int j = 0; j < POINTS; j++) store_v(to.v + (i * POINTS + j) * to.point_step, v[j]);
      }
    }
  }
}

INLINE void transform_plane(struct at_points to, const struct planes *from, ptrdiff_t index, const struct strip *s,
                            const int m) {
  struct plane p = from->first;
  p.x += index * from->step;
  for (ptrdiff_t part = 0; part < PARTS; part++, to.v += V_LANES, p.x += V_LANES) {
    if (from->are_slopes) transform_slopes(to, &p, s, m);
    else transform_inputs(to, &p, s, m);
  }
}

/* What a strip sees of sixteen planes, or of the last that there are, with lanes for planes and planes for lanes */
INLINE struct planes transpose_planes(float *window, const struct planes *from, ptrdiff_t first, const struct strip *s,
                                      const int m) {
  const struct plane all = from->first;
  const ptrdiff_t top = all.origin_row + s->row * m, left = all.origin_column + s->column * m, rest = from->extent - m;
  const ptrdiff_t row = most(0, top), column = most(0, left);
  struct planes seen = *from;
  seen.first = (struct plane){window, most(0, least(all.height, top + s->rows * m + rest) - row),
                              most(0, least(all.width, left + s->columns * m + rest) - column),
                              all.origin_row - row, all.origin_column - column};
  seen.count = LANES;
  seen.step = (seen.first.height * seen.first.width + 1) * LANES;
  for (ptrdiff_t i = 0; i < seen.first.height; i++) {
    const float *x = all.x + first * from->step + ((row + i) * all.width + column) * LANES;
    for (ptrdiff_t j = 0; j < seen.first.width; j++, window += LANES, x += LANES)
      transpose(window, seen.step, x, from->step, least(LANES, from->count - first));
  }
  return seen;
}

/* The strip of all right planes: r[36][tiles][16 lanes][padded] */
INLINE void transform_right(float *r, float *window, const struct gradient_tiling *t, const struct strip *s,
                            const int m) {
  for (ptrdiff_t first = 0; first < t->padded; first += LANES) {
    const struct planes seen = transpose_planes(window, &t->right, first, s, m);
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
      const struct at_points to = {r + lane * t->padded + first, t->rights, LANES * t->padded};
      transform_plane(to, &seen, lane, s, m);
    }
  }
}

/* E(k)ᵀ (sums / N) E(k) of one left plane and sixteen right ones → gradient[k·k][16] */
INLINE void gradient_from_points(float *gradient, const float *sums, ptrdiff_t point_step, const int k) {
  for (ptrdiff_t part = 0; part < LANES; part += V_LANES) {
    V down[POINTS][5];
    UNROLL for (int q = 0; q < POINTS; q++) {
      V v[POINTS];
      UNROLL for (int p = 0; p < POINTS; p++)
        v[p] = times_v(per_derivative[p], load_v(sums + (p * POINTS + q) * point_step + part));
      from_points(down[q], v, k);
    }
    UNROLL for (int ky = 0; ky < k; ky++) {
      V v[POINTS], row[5];
      UNROLL for (int q = 0; q < POINTS; q++) v[q] = times_v(per_derivative[q], down[q][ky]);
      from_points(row, v, k);
      UNROLL for (int kx = 0; kx < k; kx++) store_v(gradient + (ky * k + kx) * LANES + part, row[kx]);
    }
  }
}

INLINE void gradient_of_strips(float *dw, const struct gradient_tiling *t, float *workspace, const int k) {
  const int m = WINOGRAD_TILE(k);
  float *sums = workspace, *l = sums + POINTS_2D * t->sums;
  float *r = l + POINTS_2D * t->lefts, *window = r + POINTS_2D * t->rights;
  __builtin_memset(sums, 0, (size_t)(POINTS_2D * t->sums) * sizeof(float));
  for (ptrdiff_t row = 0; row < t->tiling.down; row += t->tiling.rows) {
    for (ptrdiff_t piece = 0; piece < t->tiling.pieces; piece++) {
      const struct strip s = strip_at(&t->tiling, row, piece);
      const ptrdiff_t lanes = s.rows * s.columns * LANES;
      for (ptrdiff_t i = 0; i < t->left.count; i++)
        transform_plane((struct at_points){l + i * lanes, t->lefts, LANES}, &t->left, i, &s, m);
      transform_right(r, window, t, &s, m);
      multiply_matrices((struct product){.y = sums, .x = r, .w = l, .points = POINTS_2D, .y_point = t->sums,
                                         .x_point = t->rights, .w_point = t->lefts, .y_unit = t->padded,
                                         .w_unit = lanes, .depth = lanes, .x_depth = t->padded, .adds = 1},
                        t->left.count, t->padded / V_LANES);
    }
  }
  float gradient[5 * 5 * LANES];
  for (ptrdiff_t i = 0; i < t->left.count; i++) {
    for (ptrdiff_t first = 0; first < t->right.count; first += LANES) {
      gradient_from_points(gradient, sums + i * t->padded + first, t->sums, k);
      for (ptrdiff_t j = first; j < least(t->right.count, first + LANES); j++) {
        float *to = dw + i * t->left.dw_step + j * t->right.dw_step;
        for (ptrdiff_t tap = 0; tap < k * k; tap++) to[tap] += gradient[tap * LANES + j - first];
      }
    }
  }
}

/* x[C,H,W,16], dy[F,OH,OW,16] → dw[F,C,K,K] += */
static void gradient_by_points(float *dw, const float *x, const float *dy, const struct conv2d_dims *d,
                               float *workspace) {
  const struct gradient_tiling t = tile_gradient(x, dy, d);
  if (d->kernel == 3) gradient_of_strips(dw, &t, workspace, 3);
  else gradient_of_strips(dw, &t, workspace, 5);
}

#endif
