/* Pooling; the winner of a window is row·size + column in it, of equals the first. */
#ifndef ONKO_MAXPOOL2D_H
#define ONKO_MAXPOOL2D_H

#include "vector.h"

typedef uint8_t VB __attribute__((vector_size(V_LANES)));
typedef uint8_t VB_in_memory __attribute__((vector_size(V_LANES), aligned(1), may_alias));

INLINE void store_bytes(uint8_t *p, VI v) { *(VB_in_memory *)p = __builtin_convertvector(v, VB); }
INLINE VI load_bytes(const uint8_t *p) { return __builtin_convertvector(*(const VB_in_memory *)p, VI); }
INLINE VI all_i(int32_t value) { return value - (VI){0}; }

INLINE void pool_forward(float *y, uint8_t *argmax, const float *x, const struct pool2d_dims *d, const ptrdiff_t size) {
  const ptrdiff_t row = d->width * LANES;
  for (ptrdiff_t c = 0; c < d->channels; c++) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++) {
      for (ptrdiff_t ox = 0; ox < d->out_width; ox++, y += LANES, argmax += LANES) {
        const float *corner = x + (c * d->height + oy * d->stride) * row + ox * d->stride * LANES;
        UNROLL for (int part = 0; part < PARTS; part++) {
          V best = load_v(corner + part * V_LANES);
          VI winner = all_i(0);
          for (ptrdiff_t ky = 0; ky < size; ky++) {
            for (ptrdiff_t kx = 0; kx < size; kx++) {
              const V v = load_v(corner + ky * row + kx * LANES + part * V_LANES);
              const VI better = v > best;
              best = select_v(better, v, best);
              winner = (better & all_i((int32_t)(ky * size + kx))) | (~better & winner);
            }
          }
          store_v(y + part * V_LANES, best);
          store_bytes(argmax + part * V_LANES, winner);
        }
      }
    }
  }
}

/* x[C,H,W,16] → y[C,OH,OW,16], argmax[C,OH,OW,16] */
static void maxpool2d_forward(float *y, uint8_t *argmax, const float *x, const struct pool2d_dims *d) {
  if (d->size == 2) pool_forward(y, argmax, x, d, 2);
  else pool_forward(y, argmax, x, d, d->size);
}

INLINE void pool_backward(float *dx, const float *dy, const uint8_t *argmax, const struct pool2d_dims *d,
                          const ptrdiff_t size, const int overlap) {
  const ptrdiff_t row = d->width * LANES;
  for (ptrdiff_t c = 0; c < d->channels; c++) {
    for (ptrdiff_t oy = 0; oy < d->out_height; oy++) {
      for (ptrdiff_t ox = 0; ox < d->out_width; ox++, dy += LANES, argmax += LANES) {
        float *corner = dx + (c * d->height + oy * d->stride) * row + ox * d->stride * LANES;
        UNROLL for (int part = 0; part < PARTS; part++) {
          const V slope = load_v(dy + part * V_LANES);
          const VI winner = load_bytes(argmax + part * V_LANES);
          for (ptrdiff_t ky = 0; ky < size; ky++) {
            for (ptrdiff_t kx = 0; kx < size; kx++) {
              float *to = corner + ky * row + kx * LANES + part * V_LANES;
              const V share = select_v(winner == all_i((int32_t)(ky * size + kx)), slope, all_v(0));
              store_v(to, overlap ? load_v(to) + share : share);
            }
          }
        }
      }
    }
  }
}

/* dy[C,OH,OW,16], argmax[C,OH,OW,16] → dx[C,H,W,16]; windows that overlap add up in reading order */
static void maxpool2d_backward(float *dx, const float *dy, const uint8_t *argmax, const struct pool2d_dims *d) {
  const int overlap = d->stride < d->size;
  const int covered = d->stride == d->size && d->out_height * d->size == d->height && d->out_width * d->size == d->width;
  if (!covered) __builtin_memset(dx, 0, (size_t)(d->channels * d->height * d->width * LANES) * sizeof *dx);
  if (overlap) pool_backward(dx, dy, argmax, d, d->size, 1);
  else if (d->size == 2) pool_backward(dx, dy, argmax, d, 2, 0);
  else pool_backward(dx, dy, argmax, d, d->size, 0);
}

#endif
