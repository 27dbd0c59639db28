/*
 * x[C,H,W,16], dy[F,OH,OW,16] → dw[F,C,K,K] +=, db[F] +=
 *
 * By points where that is faster (winograd_parameters.h), else directly: a tile keeps sixteen-lane sums for filters × taps in registers while it walks over the outputs, rows then columns; the
 * lanes are summed last. The taps of a tile lie in one row of the kernel, neighbours in it or the same ones of neighbouring
 * channels: they see the same rows, and the same columns but at the sides, where each is asked.
 */
#ifndef ONKO_CONV2D_PARAMETERS_H
#define ONKO_CONV2D_PARAMETERS_H

#include "kernels.h"
#include "vector.h"
#include "winograd_parameters.h"

#if V_REGISTERS == 32
#define MOST_TAPS 6
#else
#define MOST_TAPS 4
#endif

/* These tiles leave WebAssembly a register to spare. */
#ifdef __wasm__
#define SLOPES_IN_ORDER (void)0
#else
#define SLOPES_IN_ORDER IN_ORDER
#endif

struct gradient_tile {
  float *sums; /* [filters][taps][16], added to */
  const float *dy, *x; /* of the first row */
  ptrdiff_t dy_filter, dy_row, x_row, x_column;
  ptrdiff_t rows;
  ptrdiff_t x_tap[MOST_TAPS];
  /* Columns [begin, end) in all, [whole_begin, whole_end) for every tap, [tap_begin[t], tap_end[t]) for tap t */
  ptrdiff_t begin, end, whole_begin, whole_end;
  ptrdiff_t tap_begin[MOST_TAPS], tap_end[MOST_TAPS];
};

INLINE void gradient_at_side(const struct gradient_tile *g, const int filters, const int taps,
                             V sum[8][MOST_TAPS], const float *dy, const float *x, ptrdiff_t column) {
  UNROLL for (int t = 0; t < taps; t++) {
    if (column < g->tap_begin[t] || column >= g->tap_end[t]) continue;
    const V seen = load_v(x + g->x_tap[t]);
    UNROLL for (int f = 0; f < filters; f++) sum[f][t] = fma_v(load_v(dy + f * g->dy_filter), seen, sum[f][t]);
  }
}

INLINE void compute_gradient_tile(const struct gradient_tile *g, const int filters, const int taps) {
  V sum[8][MOST_TAPS];
  UNROLL for (int f = 0; f < filters; f++) {
    UNROLL for (int t = 0; t < taps; t++) sum[f][t] = load_v(g->sums + (f * taps + t) * LANES);
  }
  const ptrdiff_t dy_filter = g->dy_filter, x_column = g->x_column;
  const ptrdiff_t begin = g->begin, end = g->end, whole_begin = g->whole_begin, whole_end = g->whole_end;
  ptrdiff_t x_tap[MOST_TAPS];
  UNROLL for (int t = 0; t < taps; t++) x_tap[t] = g->x_tap[t];
  const float *dy_row = g->dy, *x_row = g->x;
  for (ptrdiff_t row = g->rows; row > 0; row--, dy_row += g->dy_row, x_row += g->x_row) {
    const float *dy = dy_row + begin * LANES, *x = x_row + begin * x_column;
    ptrdiff_t column = begin;
    for (; column < whole_begin; column++, dy += LANES, x += x_column)
      gradient_at_side(g, filters, taps, sum, dy, x, column);
    for (; column < whole_end; column++, dy += LANES, x += x_column) {
      /* The shorter side stays in registers. */
      if (taps <= filters) {
        V seen[MOST_TAPS];
        UNROLL for (int t = 0; t < taps; t++) seen[t] = load_v(x + x_tap[t]);
        UNROLL for (int f = 0; f < filters; f++) {
          const V slope = load_v(dy + f * dy_filter);
          UNROLL for (int t = 0; t < taps; t++) sum[f][t] = fma_v(slope, seen[t], sum[f][t]);
          SLOPES_IN_ORDER;
        }
      } else {
        V slope[8];
        UNROLL for (int f = 0; f < filters; f++) slope[f] = load_v(dy + f * dy_filter);
        UNROLL for (int t = 0; t < taps; t++) {
          const V seen = load_v(x + x_tap[t]);
          UNROLL for (int f = 0; f < filters; f++) sum[f][t] = fma_v(slope[f], seen, sum[f][t]);
          SLOPES_IN_ORDER;
        }
      }
    }
    for (; column < end; column++, dy += LANES, x += x_column)
      gradient_at_side(g, filters, taps, sum, dy, x, column);
  }
  UNROLL for (int f = 0; f < filters; f++) {
    UNROLL for (int t = 0; t < taps; t++) store_v(g->sums + (f * taps + t) * LANES, sum[f][t]);
  }
}

#define GRADIENT_TILE(F, T) \
  static void gradient_tile_##F##_##T(const struct gradient_tile *g) { compute_gradient_tile(g, F, T); }
#define GRADIENT_NAME(F, T) gradient_tile_##F##_##T,
#define FILTERS2(T, M) M(1, T) M(2, T)
#define FILTERS4(T, M) FILTERS2(T, M) M(3, T) M(4, T)
#define FILTERS5(T, M) FILTERS4(T, M) M(5, T)
#define FILTERS6(T, M) FILTERS5(T, M) M(6, T)
#define FILTERS8(T, M) FILTERS6(T, M) M(7, T) M(8, T)

typedef void gradient_tile_function(const struct gradient_tile *);

#if V_REGISTERS == 32
static const int most_gradient_filters[] = {0, 8, 8, 8, 6, 5, 4};
FILTERS8(1, GRADIENT_TILE) FILTERS8(2, GRADIENT_TILE) FILTERS8(3, GRADIENT_TILE) FILTERS6(4, GRADIENT_TILE)
FILTERS5(5, GRADIENT_TILE) FILTERS4(6, GRADIENT_TILE)
static gradient_tile_function *const gradient_tile_functions[7][9] = {{0},
                                                                      {0, FILTERS8(1, GRADIENT_NAME)},
                                                                      {0, FILTERS8(2, GRADIENT_NAME)},
                                                                      {0, FILTERS8(3, GRADIENT_NAME)},
                                                                      {0, FILTERS6(4, GRADIENT_NAME)},
                                                                      {0, FILTERS5(5, GRADIENT_NAME)},
                                                                      {0, FILTERS4(6, GRADIENT_NAME)}};
/* A kernel's row of more than MOST_TAPS is cut into tiles of this many at most. */
#define TAPS_OF_MANY 5
#else
#if V_REGISTERS == 16
static const int most_gradient_filters[] = {0, 8, 6, 4, 3};
#else
static const int most_gradient_filters[] = {0, 8, 6, 3, 3};
#endif
FILTERS8(1, GRADIENT_TILE) FILTERS6(2, GRADIENT_TILE) FILTERS4(3, GRADIENT_TILE) FILTERS2(4, GRADIENT_TILE)
GRADIENT_TILE(3, 4)
static gradient_tile_function *const gradient_tile_functions[5][9] = {
    {0},
    {0, FILTERS8(1, GRADIENT_NAME)},
    {0, FILTERS6(2, GRADIENT_NAME)},
    {0, FILTERS4(3, GRADIENT_NAME)},
    {0, FILTERS2(4, GRADIENT_NAME) GRADIENT_NAME(3, 4)}};
#define TAPS_OF_MANY 3
#endif

/* dy[F,plane,16] → db[F] +=; four sums side by side, since one alone would wait for every addition */
static void add_bias_gradient(float *db, const float *dy, ptrdiff_t filters, ptrdiff_t plane) {
  for (ptrdiff_t f = 0; f < filters; f++, dy += plane * LANES) {
    float lanes[LANES];
    for (ptrdiff_t part = 0; part < PARTS; part++) {
      V sum[4] = {all_v(0), all_v(0), all_v(0), all_v(0)};
      const float *p = dy + part * V_LANES;
      ptrdiff_t i = 0;
      for (; i + 4 <= plane; i += 4) {
        UNROLL for (int k = 0; k < 4; k++) sum[k] += load_v(p + (i + k) * LANES);
      }
      for (; i < plane; i++) sum[0] += load_v(p + i * LANES);
      store_v(lanes + part * V_LANES, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    db[f] += sum_lanes(lanes);
  }
}

INLINE ptrdiff_t first_output(ptrdiff_t tap, const struct conv2d_dims *d) {
  return tap >= d->padding ? 0 : divide_up(d->padding - tap, d->stride);
}

/* One past the last output whose tap is on the image */
INLINE ptrdiff_t end_output(ptrdiff_t tap, ptrdiff_t extent, ptrdiff_t outputs, const struct conv2d_dims *d) {
  const ptrdiff_t last = extent - 1 + d->padding - tap;
  return last < 0 ? 0 : least(outputs, last / d->stride + 1);
}

/* Filters and channels that are computed together, and the tiles of a kernel's row */
struct gradient_block {
  ptrdiff_t f, filters, c, channels, tiles_across;
};

/* Kernel's row and first tap of tile `n`, which rows run down first */
struct tap_range {
  ptrdiff_t ky, kx, count;
};

INLINE struct tap_range taps_of(const struct gradient_block *b, const struct conv2d_dims *d, ptrdiff_t n) {
  const ptrdiff_t i = n % b->tiles_across, kx = cut(d->kernel, b->tiles_across, i);
  return (struct tap_range){n / b->tiles_across, kx, cut(d->kernel, b->tiles_across, i + 1) - kx};
}

static void describe_tile(struct gradient_tile *g, const struct gradient_block *b, const struct conv2d_dims *d,
                          struct tap_range r) {
  *g = (struct gradient_tile){
      .dy_filter = d->out_height * d->out_width * LANES,
      .dy_row = d->out_width * LANES,
      .x_row = d->stride * d->width * LANES,
      .x_column = d->stride * LANES,
      .begin = d->out_width,
      .whole_end = d->out_width,
  };
  for (ptrdiff_t t = 0; t < b->channels * r.count; t++) {
    const ptrdiff_t tap = r.kx + t % r.count;
    g->x_tap[t] = (t / r.count * d->height * d->width + tap - d->padding) * LANES;
    g->tap_begin[t] = first_output(tap, d);
    g->tap_end[t] = most(g->tap_begin[t], end_output(tap, d->width, d->out_width, d));
    g->begin = least(g->begin, g->tap_begin[t]);
    g->end = most(g->end, g->tap_end[t]);
    g->whole_begin = most(g->whole_begin, g->tap_begin[t]);
    g->whole_end = least(g->whole_end, g->tap_end[t]);
  }
  if (g->whole_end <= g->whole_begin) g->whole_begin = g->whole_end = g->end;
}

/*
 * Tiles whose sums are kept at once, and how many floats of dy are walked over before the next tile sees them again. With
 * parts of the lanes every line of memory is asked for PARTS times: then the band must stay in the nearest cache. A whole
 * line at a time comes fast enough from the second one, and long bands save storing the sums.
 */
#define MOST_TILES 12
#ifndef BAND_FLOATS
#define BAND_FLOATS (PARTS == 1 ? 32768 : 4096)
#endif

/* Tiles `first` to `end` of one block, by bands of rows */
static void gradient_of_tiles(float *dw, const float *x, const float *dy, const struct conv2d_dims *d,
                              const struct gradient_block *b, ptrdiff_t first, ptrdiff_t end) {
  enum { SUMS = V_REGISTERS == 32 ? 25 : 12 };
  float sums[MOST_TILES][SUMS * LANES];
  struct gradient_tile tiles[MOST_TILES];
  const ptrdiff_t area = d->kernel * d->kernel, plane = d->out_height * d->out_width * LANES;
  const ptrdiff_t band = most(1, BAND_FLOATS / (b->filters * d->out_width * LANES));
  __builtin_memset(sums, 0, (size_t)(end - first) * sizeof *sums);
  for (ptrdiff_t n = first; n < end; n++) describe_tile(&tiles[n - first], b, d, taps_of(b, d, n));
  for (ptrdiff_t top = 0; top < d->out_height; top += band) {
    for (ptrdiff_t n = first; n < end; n++) {
      const struct tap_range r = taps_of(b, d, n);
      const ptrdiff_t row = most(top, first_output(r.ky, d));
      const ptrdiff_t rows = least(top + band, end_output(r.ky, d->height, d->out_height, d)) - row;
      struct gradient_tile *g = &tiles[n - first];
      if (rows <= 0) continue;
      g->rows = rows;
      for (ptrdiff_t part = 0; part < PARTS; part++) {
        const ptrdiff_t x_row = b->c * d->height + row * d->stride + r.ky - d->padding;
        g->sums = sums[n - first] + part * V_LANES;
        g->dy = dy + b->f * plane + row * g->dy_row + part * V_LANES;
        g->x = x + x_row * d->width * LANES + part * V_LANES;
        gradient_tile_functions[b->channels * r.count][b->filters](g);
      }
    }
  }
  for (ptrdiff_t n = first; n < end; n++) {
    const struct tap_range r = taps_of(b, d, n);
    const float *sum = sums[n - first];
    for (ptrdiff_t f = b->f; f < b->f + b->filters; f++) {
      for (ptrdiff_t c = b->c; c < b->c + b->channels; c++) {
        float *row = dw + (f * d->channels + c) * area + r.ky * d->kernel + r.kx;
        for (ptrdiff_t t = 0; t < r.count; t++, sum += LANES) row[t] += sum_lanes(sum);
      }
    }
  }
}

static void weights_gradient(float *dw, const float *x, const float *dy, const struct conv2d_dims *d) {
  struct gradient_block b = {.tiles_across = d->kernel <= MOST_TAPS ? 1 : divide_up(d->kernel, TAPS_OF_MANY)};
  const ptrdiff_t together = divide_up(d->kernel, b.tiles_across);
  const ptrdiff_t groups = divide_up(d->channels, most(1, MOST_TAPS / together));
  const ptrdiff_t down = divide_up(d->filters, most_gradient_filters[divide_up(d->channels, groups) * together]);
  const ptrdiff_t tiles = d->kernel * b.tiles_across;
  for (ptrdiff_t i = 0; i < down; i++) {
    b.f = cut(d->filters, down, i), b.filters = cut(d->filters, down, i + 1) - b.f;
    for (ptrdiff_t k = 0; k < groups; k++) {
      b.c = cut(d->channels, groups, k), b.channels = cut(d->channels, groups, k + 1) - b.c;
      for (ptrdiff_t n = 0; n < tiles; n += MOST_TILES)
        gradient_of_tiles(dw, x, dy, d, &b, n, least(tiles, n + MOST_TILES));
    }
  }
}

static void conv2d_backward_parameters(float *dw, float *db, const float *x, const float *dy,
                                       const struct conv2d_dims *d, float *workspace) {
  add_bias_gradient(db, dy, d->filters, d->out_height * d->out_width);
  if (gradient_workspace(d) > 0) gradient_by_points(dw, x, dy, d, workspace);
  else weights_gradient(dw, x, dy, d);
}

#endif
