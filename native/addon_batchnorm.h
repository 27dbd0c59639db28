/* The operations of batchnorm.h, checked */
#include "addon_operation.h"

struct batchnorm_sizes {
  size_t channels, area, values;
};

static struct batchnorm_sizes batchnorm_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[2];
  sizes_at(a, index, n, 2);
  if (!a->failed && (n[0] < 1 || n[1] < 1)) fail(a, "expected at least one channel and one value");
  return (struct batchnorm_sizes){(size_t)n[0], (size_t)n[1], volume(n[0], n[1], 1)};
}

/* At least one: statistics of nothing do not exist. */
static ptrdiff_t image_lanes(struct arguments *a, size_t index) {
  a->next = index;
  const ptrdiff_t lanes = whole(a, "lanes", 1, 16);
  a->next = 0;
  return lanes;
}

static void batchnorm_statistics_checked(struct arguments *a) { /* statistics, x, lanes, dims */
  const struct batchnorm_sizes d = batchnorm_sizes(a, 3);
  const ptrdiff_t lanes = image_lanes(a, 2);
  float *statistics = floats(a, "statistics", times(2, d.channels));
  const float *x = floats(a, "x", d.values);
  if (!a->failed) a->kernels->batchnorm_statistics(statistics, x, lanes, (ptrdiff_t)d.channels, (ptrdiff_t)d.area);
}
OPERATION("batchNormStatistics", batchnorm_statistics)

static void batchnorm_forward_checked(struct arguments *a) { /* y, x, w, b, statistics, dims */
  const struct batchnorm_sizes d = batchnorm_sizes(a, 5);
  float *y = floats(a, "y", d.values);
  const float *x = floats(a, "x", d.values), *w = floats(a, "w", d.channels), *b = floats(a, "b", d.channels);
  const float *statistics = floats(a, "statistics", times(2, d.channels));
  if (!a->failed) a->kernels->batchnorm_forward(y, x, w, b, statistics, (ptrdiff_t)d.channels, (ptrdiff_t)d.area);
}
OPERATION("batchNormForward", batchnorm_forward)

static void batchnorm_backward_parameters_checked(struct arguments *a) { /* dw, db, sums, x, dy, statistics, lanes, dims */
  const struct batchnorm_sizes d = batchnorm_sizes(a, 7);
  const ptrdiff_t lanes = image_lanes(a, 6);
  float *dw = floats(a, "dw", d.channels), *db = floats(a, "db", d.channels);
  float *sums = floats(a, "sums", times(2, d.channels));
  const float *x = floats(a, "x", d.values), *dy = floats(a, "dy", d.values);
  const float *statistics = floats(a, "statistics", times(2, d.channels));
  if (!a->failed)
    a->kernels->batchnorm_backward_parameters(dw, db, sums, x, dy, statistics, lanes, (ptrdiff_t)d.channels,
                                              (ptrdiff_t)d.area);
}
OPERATION("batchNormBackwardParameters", batchnorm_backward_parameters)

static void batchnorm_backward_input_checked(struct arguments *a) { /* dx, x, dy, w, statistics, sums, lanes, dims */
  const struct batchnorm_sizes d = batchnorm_sizes(a, 7);
  const ptrdiff_t lanes = image_lanes(a, 6);
  float *dx = floats(a, "dx", d.values);
  const float *x = floats(a, "x", d.values), *dy = floats(a, "dy", d.values), *w = floats(a, "w", d.channels);
  const float *statistics = floats(a, "statistics", times(2, d.channels));
  const float *sums = floats(a, "sums", times(2, d.channels));
  if (!a->failed)
    a->kernels->batchnorm_backward_input(dx, x, dy, w, statistics, sums, lanes, (ptrdiff_t)d.channels,
                                         (ptrdiff_t)d.area);
}
OPERATION("batchNormBackwardInput", batchnorm_backward_input)
