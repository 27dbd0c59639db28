/*
 * Convolution forward and its gradient for the input are both a correlation: along each axis, output q sums over taps
 * t = 0 … taps−1 the inputs at q·stride + origin + t, as far as they are on the image.
 */
#ifndef ONKO_CORRELATION_H
#define ONKO_CORRELATION_H

#include "vector.h"

struct axis {
  ptrdiff_t count;  /* outputs */
  ptrdiff_t taps;
  ptrdiff_t stride; /* of the input, per output */
  ptrdiff_t origin; /* input of output 0 and tap 0, may be off the image */
  ptrdiff_t extent; /* inputs */
  ptrdiff_t y_step; /* in floats, from one output to the next */
  ptrdiff_t x_step; /* in floats, from one input to the next */
  ptrdiff_t w_step; /* in floats, from one tap to the next */
};

struct correlation {
  float *y;
  const float *x, *w, *bias;
  ptrdiff_t filters, y_filter, w_filter;
  ptrdiff_t channels, x_channel, w_channel;
  struct axis rows, columns;
};

struct range {
  ptrdiff_t begin, end;
};

INLINE struct range taps_at(const struct axis *a, ptrdiff_t output) {
  const ptrdiff_t first = output * a->stride + a->origin;
  const ptrdiff_t begin = most(0, -first);
  return (struct range){begin, most(begin, least(a->taps, a->extent - first))};
}

/* The outputs that see every tap */
INLINE struct range whole_outputs(const struct axis *a) {
  if (a->taps == 0) return (struct range){0, a->count};
  const ptrdiff_t begin = least(a->count, a->origin < 0 ? divide_up(-a->origin, a->stride) : 0);
  const ptrdiff_t room = a->extent - a->taps - a->origin;
  return (struct range){begin, most(begin, least(a->count, room < 0 ? 0 : room / a->stride + 1))};
}

/* Taps of all outputs that are on the image; for stride 1 */
INLINE ptrdiff_t taps_seen(const struct axis *a) {
  ptrdiff_t seen = 0;
  for (ptrdiff_t tap = 0; tap < a->taps; tap++) {
    const ptrdiff_t first = a->origin + tap;
    seen += most(0, least(a->count, a->extent - first) - most(0, -first));
  }
  return seen;
}

#endif
