/*
 * Convolution forward and its gradient for the input, two correlations. With stride 1 and enough filters and channels they are
 * computed by points (winograd_correlate.h), else directly. Then padding is never computed on: positions are taken together
 * in lines that see the same taps.
 */
#ifndef ONKO_CONV2D_H
#define ONKO_CONV2D_H

#include "correlation.h"
#include "kernels.h"
#include "tile.h"
#include "winograd_correlate.h"

/* `count` outputs from (row, column) on, along the axis `along`, all of which see the taps of the first */
static void correlate_line(const struct correlation *c, const struct axis *along, ptrdiff_t row, ptrdiff_t column,
                           ptrdiff_t count) {
  const struct range rows = taps_at(&c->rows, row), columns = taps_at(&c->columns, column);
  const ptrdiff_t x_row = row * c->rows.stride + c->rows.origin + rows.begin;
  const ptrdiff_t x_column = column * c->columns.stride + c->columns.origin + columns.begin;
  const ptrdiff_t empty = rows.begin == rows.end || columns.begin == columns.end;
  compute_line(
      (struct tile){
          .y = c->y + row * c->rows.y_step + column * c->columns.y_step,
          .x = empty ? c->x : c->x + x_row * c->rows.x_step + x_column * c->columns.x_step,
          .w = empty ? c->w : c->w + rows.begin * c->rows.w_step + columns.begin * c->columns.w_step,
          .bias = c->bias,
          .y_filter = c->y_filter,
          .w_filter = c->w_filter,
          .y_column = along->y_step,
          .x_column = along->stride * along->x_step,
          .outer = empty ? 0 : c->channels,
          .x_outer = c->x_channel,
          .w_outer = c->w_channel,
          .middle = rows.end - rows.begin,
          .x_middle = c->rows.x_step,
          .w_middle = c->rows.w_step,
          .inner = columns.end - columns.begin,
          .x_inner = c->columns.x_step,
          .w_inner = c->columns.w_step,
      },
      c->filters, count);
}

static void correlate(const struct correlation *c) {
  const struct range rows = whole_outputs(&c->rows), columns = whole_outputs(&c->columns);
  for (ptrdiff_t row = 0; row < c->rows.count; row++) {
    if (columns.end > columns.begin)
      correlate_line(c, &c->columns, row, columns.begin, columns.end - columns.begin);
    if (row >= rows.begin && row < rows.end) continue;
    for (ptrdiff_t column = 0; column < c->columns.count; column++) {
      if (column < columns.begin || column >= columns.end) correlate_line(c, &c->columns, row, column, 1);
    }
  }
  /* The columns at the sides, as lines downwards */
  if (rows.end == rows.begin) return;
  for (ptrdiff_t column = 0; column < c->columns.count; column++) {
    if (column < columns.begin || column >= columns.end)
      correlate_line(c, &c->rows, rows.begin, column, rows.end - rows.begin);
  }
}

static struct correlation forward_correlation(float *y, const float *x, const float *w, const float *b,
                                              const struct conv2d_dims *d) {
  const ptrdiff_t area = d->kernel * d->kernel;
  return (struct correlation){
      .y = y,
      .x = x,
      .w = w,
      .bias = b,
      .filters = d->filters,
      .y_filter = d->out_height * d->out_width * LANES,
      .w_filter = d->channels * area,
      .channels = d->channels,
      .x_channel = d->height * d->width * LANES,
      .w_channel = area,
      .rows = {d->out_height, d->kernel, d->stride, -d->padding, d->height, d->out_width * LANES, d->width * LANES,
               d->kernel},
      .columns = {d->out_width, d->kernel, d->stride, -d->padding, d->width, LANES, LANES, 1},
  };
}

/* x[C,H,W,16], w[F,C,K,K], b[F] → y[F,OH,OW,16]; computed directly, each sum runs over c, ky, kx, from the bias on */
static void conv2d_forward(float *y, const float *x, const float *w, const float *b, const struct conv2d_dims *d,
                           float *workspace) {
  const struct correlation c = forward_correlation(y, x, w, b, d);
  if (correlation_workspace(&c) > 0) correlate_by_points(&c, workspace);
  else correlate(&c);
}

/*
 * Inputs at `phase`, phase + stride, … are seen through every stride-th tap only: for them the gradient is a correlation
 * of stride 1 with those taps, the last one first.
 */
INLINE struct axis phase_axis(ptrdiff_t phase, ptrdiff_t extent, ptrdiff_t outputs, ptrdiff_t y_step, ptrdiff_t w_step,
                              const struct conv2d_dims *d) {
  const ptrdiff_t first_tap = (phase + d->padding) % d->stride;
  const ptrdiff_t taps = first_tap < d->kernel ? divide_up(d->kernel - first_tap, d->stride) : 0;
  const ptrdiff_t origin = (phase + d->padding) / d->stride - (taps - 1);
  return (struct axis){divide_up(extent - phase, d->stride), taps, 1, origin, outputs, y_step * d->stride, 0,
                       -w_step * d->stride};
}

/* Weight of an axis's tap 0, its last one; step between taps of the kernel: `step` */
INLINE ptrdiff_t last_weight(const struct axis *a, ptrdiff_t phase, ptrdiff_t step, const struct conv2d_dims *d) {
  return a->taps == 0 ? 0 : ((phase + d->padding) % d->stride + (a->taps - 1) * d->stride) * step;
}

/* The gradient for inputs (py, px), (py, px + stride), … */
static struct correlation input_gradient(float *dx, const float *dy, const float *w, ptrdiff_t py, ptrdiff_t px,
                                         const struct conv2d_dims *d) {
  const ptrdiff_t area = d->kernel * d->kernel;
  struct axis rows = phase_axis(py, d->height, d->out_height, d->width * LANES, d->kernel, d);
  struct axis columns = phase_axis(px, d->width, d->out_width, LANES, 1, d);
  rows.x_step = d->out_width * LANES;
  columns.x_step = LANES;
  return (struct correlation){
      .y = dx + (py * d->width + px) * LANES,
      .x = dy,
      .w = w + last_weight(&rows, py, d->kernel, d) + last_weight(&columns, px, 1, d),
      .bias = NULL,
      .filters = d->channels,
      .y_filter = d->height * d->width * LANES,
      .w_filter = area,
      .channels = d->filters,
      .x_channel = d->out_height * d->out_width * LANES,
      .w_channel = d->channels * area,
      .rows = rows,
      .columns = columns,
  };
}

/* dy[F,OH,OW,16], w[F,C,K,K] → dx[C,H,W,16]; computed directly, each sum runs over f, then ky and kx downwards */
static void conv2d_backward_input(float *dx, const float *dy, const float *w, const struct conv2d_dims *d,
                                  float *workspace) {
  for (ptrdiff_t py = 0; py < least(d->stride, d->height); py++) {
    for (ptrdiff_t px = 0; px < least(d->stride, d->width); px++) {
      const struct correlation c = input_gradient(dx, dy, w, py, px, d);
      if (d->stride == 1 && correlation_workspace(&c) > 0) correlate_by_points(&c, workspace);
      else correlate(&c);
    }
  }
}

#endif
