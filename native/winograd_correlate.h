/*
 * Correlations of stride 1 by Winograd's products (winograd.h). At each of the 36 points the weights of all filters and
 * channels and the inputs of all channels and tiles are two matrices, multiplied in product.h.
 */
#ifndef ONKO_WINOGRAD_CORRELATE_H
#define ONKO_WINOGRAD_CORRELATE_H

#include "correlation.h"
#include "product.h"
#include "winograd.h"

/* Filters whose products are kept until they are outputs */
#define FILTERS_TOGETHER 24

struct correlation_tiling {
  struct tiling tiling;
  ptrdiff_t channels; /* rounded up to sixteen */
  /* In floats, from one point to the next. One vector more than there are, or the points, which are far apart, would all
     fall into the same few places of the caches. */
  ptrdiff_t weights, inputs, products;
};

INLINE struct correlation_tiling tile_correlation(const struct correlation *c) {
  const ptrdiff_t most_tiles = most(4, least(MOST_STRIP_COLUMNS, 256 / c->channels));
  struct correlation_tiling t = {
      .tiling = cut_into_tiles(c->rows.count, c->columns.count, WINOGRAD_TILE(c->rows.taps), most_tiles),
      .channels = divide_up(c->channels, LANES) * LANES,
  };
  const ptrdiff_t tiles = t.tiling.rows * t.tiling.columns;
  t.weights = c->filters * t.channels;
  t.inputs = (c->channels * tiles + 1) * LANES;
  t.products = (least(FILTERS_TOGETHER, c->filters) * tiles + 1) * LANES;
  return t;
}

/* Floats that `correlate_by_points` needs to work in, or 0: better directly. Depends on the sizes alone. */
static ptrdiff_t correlation_workspace(const struct correlation *c) {
  if (c->rows.stride != 1 || (c->rows.taps != 3 && c->rows.taps != 5)) return 0;
  const double filters = (double)c->filters, channels = (double)c->channels;
  const struct correlation_tiling t = tile_correlation(c);
  /* Compares times, in multiply-adds of a vector; how many of them the sums before and after are worth is measured. */
  const double directly = filters * channels * (double)taps_seen(&c->rows) * (double)taps_seen(&c->columns);
  const double by_points = (double)t.tiling.down * (double)t.tiling.across *
                               (POINTS_2D * filters * channels + 220 * channels + 220 * filters) +
                           30 * filters * (double)t.channels;
  const double floats = POINTS_2D * ((double)t.weights + (double)t.inputs + (double)t.products);
  return by_points < directly && floats <= MOST_WORKSPACE ? (ptrdiff_t)floats : 0;
}

/* G w Gᵀ with G = E(k)/N, for the taps of one filter → u[36][channels], zeros after the last channel */
INLINE void transform_weights(float *u, ptrdiff_t point_step, const struct correlation *c, const float *w, const int k) {
  enum { TOGETHER = 64 };
  float taps[5 * 5][TOGETHER];
  for (ptrdiff_t first = 0; first < c->channels; first += TOGETHER) {
    const ptrdiff_t count = least(TOGETHER, c->channels - first), end = divide_up(count, LANES) * LANES;
    for (ptrdiff_t i = 0; i < count; i++) {
      const float *from = w + (first + i) * c->w_channel;
      for (int ky = 0; ky < k; ky++) {
        for (int kx = 0; kx < k; kx++) taps[ky * k + kx][i] = from[ky * c->rows.w_step + kx * c->columns.w_step];
      }
    }
    for (ptrdiff_t i = count; i < end; i++) {
      for (int tap = 0; tap < k * k; tap++) taps[tap][i] = 0;
    }
    for (ptrdiff_t i = 0; i < end; i += V_LANES) {
      V down[5][POINTS];
      UNROLL for (int kx = 0; kx < k; kx++) {
        V column[5];
        UNROLL for (int ky = 0; ky < k; ky++) column[ky] = load_v(taps[ky * k + kx] + i);
        to_points(down[kx], column, k);
      }
      UNROLL for (int p = 0; p < POINTS; p++) {
        V row[5], v[POINTS];
        UNROLL for (int kx = 0; kx < k; kx++) row[kx] = times_v(per_derivative[p], down[kx][p]);
        to_points(v, row, k);
        UNROLL for (int q = 0; q < POINTS; q++)
          store_v(u + (p * POINTS + q) * point_step + first + i, times_v(per_derivative[q], v[q]));
      }
    }
  }
}

/* E(m)ᵀ products E(m) + bias of one filter and tile → its rows × columns outputs, m × m at most. One part of the lanes. */
INLINE void write_outputs(float *y, ptrdiff_t y_row, ptrdiff_t rows, ptrdiff_t columns, const float *products,
                          ptrdiff_t point_step, float bias, const int m) {
  V down[POINTS][4];
  UNROLL for (int q = 0; q < POINTS; q++) {
    V v[POINTS];
    UNROLL for (int p = 0; p < POINTS; p++) v[p] = load_v(products + (p * POINTS + q) * point_step);
    from_points(down[q], v, m);
  }
  UNROLL for (int i = 0; i < m; i++) {
    V v[POINTS], out[4];
    UNROLL for (int q = 0; q < POINTS; q++) v[q] = down[q][i];
    from_points(out, v, m);
    UNROLL for (int j = 0; j < m; j++) {
      if (i < rows && j < columns) store_v(y + i * y_row + j * LANES, out[j] + all_v(bias));
    }
  }
}

/* The strip's inputs of all channels at the points: v[36][channels][tiles][16] */
INLINE void transform_channels(float *v, ptrdiff_t point_step, const struct correlation *c, const struct strip *s, const int m) {
  for (ptrdiff_t i = 0; i < c->channels; i++) {
    for (ptrdiff_t part = 0; part < PARTS; part++) {
      const struct plane p = {c->x + i * c->x_channel + part * V_LANES, c->rows.extent, c->columns.extent,
                              c->rows.origin, c->columns.origin};
      transform_inputs((struct at_points){v + part * V_LANES, point_step, LANES}, &p, s, m);
    }
    v += s->rows * s->columns * LANES;
  }
}

/* Outputs of filters `first` to `end` in the strip, from their products [36][filters][tiles][16] */
INLINE void write_strip(const struct correlation *c, const float *products, ptrdiff_t point_step, ptrdiff_t first,
                        ptrdiff_t end, const struct strip *s, const int m) {
  for (ptrdiff_t f = first; f < end; f++) {
    const float bias = c->bias == NULL ? 0 : c->bias[f];
    for (ptrdiff_t r = 0; r < s->rows; r++) {
      const ptrdiff_t row = (s->row + r) * m;
      for (ptrdiff_t t = 0; t < s->columns; t++, products += LANES) {
        const ptrdiff_t column = (s->column + t) * m;
        float *y = c->y + f * c->y_filter + row * c->rows.y_step + column * c->columns.y_step;
        for (ptrdiff_t lane = 0; lane < LANES; lane += V_LANES)
          write_outputs(y + lane, c->rows.y_step, c->rows.count - row, c->columns.count - column, products + lane,
                        point_step, bias, m);
      }
    }
  }
}

INLINE void correlate_tiles(const struct correlation *c, float *workspace, const int k) {
  const int m = WINOGRAD_TILE(k);
  const struct correlation_tiling t = tile_correlation(c);
  float *u = workspace, *v = u + POINTS_2D * t.weights, *products = v + POINTS_2D * t.inputs;
  for (ptrdiff_t f = 0; f < c->filters; f++)
    transform_weights(u + f * t.channels, t.weights, c, c->w + f * c->w_filter, k);
  for (ptrdiff_t row = 0; row < t.tiling.down; row += t.tiling.rows) {
    for (ptrdiff_t piece = 0; piece < t.tiling.pieces; piece++) {
      const struct strip s = strip_at(&t.tiling, row, piece);
      const ptrdiff_t tiles = s.rows * s.columns;
      transform_channels(v, t.inputs, c, &s, m);
      for (ptrdiff_t f = 0; f < c->filters; f += FILTERS_TOGETHER) {
        const ptrdiff_t filters = least(FILTERS_TOGETHER, c->filters - f);
        multiply_matrices((struct product){.y = products, .x = v, .w = u + f * t.channels, .points = POINTS_2D,
                                           .y_point = t.products, .x_point = t.inputs, .w_point = t.weights,
                                           .y_unit = tiles * LANES, .w_unit = t.channels, .depth = c->channels,
                                           .x_depth = tiles * LANES},
                          filters, tiles * PARTS);
        write_strip(c, products, t.products, f, f + filters, &s, m);
      }
    }
  }
}

static void correlate_by_points(const struct correlation *c, float *workspace) {
  if (c->rows.taps == 3) correlate_tiles(c, workspace, 3);
  else correlate_tiles(c, workspace, 5);
}

#endif
