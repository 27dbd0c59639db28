/* Depthwise convolution: every channel has one kernel of its own, w[C,K,K], b[C]. */
#ifndef ONKO_DEPTHWISE_H
#define ONKO_DEPTHWISE_H

#include "vector.h"

struct outputs {
  ptrdiff_t begin, end;
};

/* The outputs whose tap `tap` lies on the input */
INLINE struct outputs outputs_of(ptrdiff_t tap, ptrdiff_t extent, ptrdiff_t count, ptrdiff_t stride,
                                 ptrdiff_t padding) {
  const ptrdiff_t begin = tap < padding ? divide_up(padding - tap, stride) : 0;
  const ptrdiff_t last = extent - 1 + padding - tap;
  const ptrdiff_t end = last < 0 ? 0 : least(count, last / stride + 1);
  return (struct outputs){least(begin, end), end};
}

/* x[C,H,W,16], w[C,K,K], b[C] → y[C,OH,OW,16]; each sum over ky, kx in this order, from the bias on */
static void depthwise_forward(float *y, const float *x, const float *w, const float *b, const struct depthwise_dims *d) {
  for (ptrdiff_t c = 0; c < d->channels; c++, w += d->kernel * d->kernel) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++) {
      const ptrdiff_t top = oy * d->stride - d->padding;
      const ptrdiff_t ky_end = least(d->kernel, d->height - top);
      for (ptrdiff_t ox = 0; ox < d->out_width; ox++, y += LANES) {
        const ptrdiff_t left = ox * d->stride - d->padding;
        const ptrdiff_t kx_begin = most(0, -left), kx_end = least(d->kernel, d->width - left);
        V sum[PARTS];
        UNROLL for (int part = 0; part < PARTS; part++) sum[part] = all_v(b[c]);
        for (ptrdiff_t ky = most(0, -top); ky < ky_end; ky++) {
          const ptrdiff_t row = ((c * d->height + top + ky) * d->width + left) * LANES;
          for (ptrdiff_t kx = kx_begin; kx < kx_end; kx++) {
            const V weight = all_v(w[ky * d->kernel + kx]);
            UNROLL for (int part = 0; part < PARTS; part++)
              sum[part] = fma_v(weight, load_v(x + (row + kx * LANES + part * V_LANES)), sum[part]);
          }
        }
        UNROLL for (int part = 0; part < PARTS; part++) store_v(y + part * V_LANES, sum[part]);
      }
    }
  }
}

/* dy[C,OH,OW,16], w[C,K,K] → dx[C,H,W,16]; each sum over oy, then kx, as rows of outputs come */
static void depthwise_backward_input(float *dx, const float *dy, const float *w, const struct depthwise_dims *d) {
  __builtin_memset(dx, 0, (size_t)(d->channels * d->height * d->width * LANES) * sizeof *dx);
  for (ptrdiff_t c = 0; c < d->channels; c++, w += d->kernel * d->kernel) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++, dy += d->out_width * LANES) {
      const ptrdiff_t top = oy * d->stride - d->padding;
      const ptrdiff_t ky_end = least(d->kernel, d->height - top);
      for (ptrdiff_t ky = most(0, -top); ky < ky_end; ky++) {
        float *row = dx + (c * d->height + top + ky) * d->width * LANES;
        for (ptrdiff_t kx = 0; kx < d->kernel; kx++) {
          const struct outputs range = outputs_of(kx, d->width, d->out_width, d->stride, d->padding);
          const V weight = all_v(w[ky * d->kernel + kx]);
          for (ptrdiff_t ox = range.begin; ox < range.end; ox++) {
            float *to = row + (ox * d->stride + kx - d->padding) * LANES;
            UNROLL for (int part = 0; part < PARTS; part++) {
              const V slope = load_v(dy + ox * LANES + part * V_LANES);
              store_v(to + part * V_LANES, fma_v(weight, slope, load_v(to + part * V_LANES)));
            }
          }
        }
      }
    }
  }
}

/*
 * Σ over the outputs of dy·x at one tap, or of dy alone where x is NULL: in four chains along each row, then over the lanes. Output
 * (0, 0) has its tap at x[from].
 */
INLINE float sum_outputs(const float *dy, const float *x, ptrdiff_t from, struct outputs rows, struct outputs columns,
                         const struct depthwise_dims *d) {
  const ptrdiff_t x_step = d->stride * LANES;
  float sums[LANES];
  UNROLL for (int part = 0; part < PARTS; part++) {
    V chain[4] = {all_v(0), all_v(0), all_v(0), all_v(0)};
    for (ptrdiff_t oy = rows.begin; oy < rows.end; oy++) {
      const float *slopes = dy + (oy * d->out_width + columns.begin) * LANES + part * V_LANES;
      const ptrdiff_t first = from + (oy * d->width + columns.begin) * x_step + part * V_LANES;
      const float *values = x == NULL ? NULL : x + first;
      ptrdiff_t left = columns.end - columns.begin;
      for (; left >= 4; left -= 4, slopes += 4 * LANES) {
        UNROLL for (int k = 0; k < 4; k++) {
          const V slope = load_v(slopes + k * LANES);
          chain[k] = x == NULL ? chain[k] + slope : fma_v(slope, load_v(values + k * x_step), chain[k]);
        }
        if (x != NULL) values += 4 * x_step;
      }
      for (int k = 0; k < left; k++) {
        const V slope = load_v(slopes + k * LANES);
        chain[k] = x == NULL ? chain[k] + slope : fma_v(slope, load_v(values + k * x_step), chain[k]);
      }
    }
    store_v(sums + part * V_LANES, (chain[0] + chain[1]) + (chain[2] + chain[3]));
  }
  return sum_lanes(sums);
}

/* x[C,H,W,16], dy[C,OH,OW,16] → dw[C,K,K] +=, db[C] += */
static void depthwise_backward_parameters(float *dw, float *db, const float *x, const float *dy,
                                          const struct depthwise_dims *d) {
  const struct outputs all_rows = {0, d->out_height}, all_columns = {0, d->out_width};
  for (ptrdiff_t c = 0; c < d->channels; c++) {
    db[c] += sum_outputs(dy, NULL, 0, all_rows, all_columns, d);
    for (ptrdiff_t ky = 0; ky < d->kernel; ky++) {
      const struct outputs rows = outputs_of(ky, d->height, d->out_height, d->stride, d->padding);
      for (ptrdiff_t kx = 0; kx < d->kernel; kx++, dw++) {
        const struct outputs columns = outputs_of(kx, d->width, d->out_width, d->stride, d->padding);
        /* Outside of the input, if padding is there: then rows and columns begin later. */
        const ptrdiff_t from = ((ky - d->padding) * d->width + kx - d->padding) * LANES;
        *dw += sum_outputs(dy, x, from, rows, columns, d);
      }
    }
    x += d->height * d->width * LANES;
    dy += d->out_height * d->out_width * LANES;
  }
}

#endif
