/* Average pooling: the mean of each window, which may be as large as the plane and need not be square. */
#ifndef ONKO_AVERAGEPOOL2D_H
#define ONKO_AVERAGEPOOL2D_H

#include "vector.h"

/* x[C,H,W,16] → y[C,OH,OW,16]; each sum in reading order, divided once */
static void averagepool2d_forward(float *y, const float *x, const struct averagepool2d_dims *d) {
  const ptrdiff_t row = d->width * LANES;
  const V count = all_v((float)(d->window_height * d->window_width));
  for (ptrdiff_t c = 0; c < d->channels; c++) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++) {
      for (ptrdiff_t ox = 0; ox < d->out_width; ox++, y += LANES) {
        const float *corner = x + (c * d->height + oy * d->stride) * row + ox * d->stride * LANES;
        UNROLL for (int part = 0; part < PARTS; part++) {
          V sum = all_v(0);
          for (ptrdiff_t ky = 0; ky < d->window_height; ky++) {
            for (ptrdiff_t kx = 0; kx < d->window_width; kx++)
              sum += load_v(corner + ky * row + kx * LANES + part * V_LANES);
          }
          store_v(y + part * V_LANES, sum / count);
        }
      }
    }
  }
}

/* dy[C,OH,OW,16] → dx[C,H,W,16]; windows that overlap add up in reading order */
static void averagepool2d_backward(float *dx, const float *dy, const struct averagepool2d_dims *d) {
  const ptrdiff_t row = d->width * LANES;
  const V count = all_v((float)(d->window_height * d->window_width));
  __builtin_memset(dx, 0, (size_t)(d->channels * d->height * row) * sizeof *dx);
  for (ptrdiff_t c = 0; c < d->channels; c++) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++) {
      for (ptrdiff_t ox = 0; ox < d->out_width; ox++, dy += LANES) {
        float *corner = dx + (c * d->height + oy * d->stride) * row + ox * d->stride * LANES;
        UNROLL for (int part = 0; part < PARTS; part++) {
          const V share = load_v(dy + part * V_LANES) / count;
          for (ptrdiff_t ky = 0; ky < d->window_height; ky++) {
            for (ptrdiff_t kx = 0; kx < d->window_width; kx++) {
              float *to = corner + ky * row + kx * LANES + part * V_LANES;
              store_v(to, load_v(to) + share);
            }
          }
        }
      }
    }
  }
}

#endif
