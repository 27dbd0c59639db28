/* The operations of depthwise.h, checked */
#include "addon_operation.h"

static struct depthwise_dims depthwise_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[8];
  sizes_at(a, index, n, 8);
  const struct depthwise_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
  if (a->failed) return d;
  if (d.channels < 1 || d.height < 1 || d.width < 1 || d.kernel < 1 || d.stride < 1 || d.padding >= d.kernel ||
      d.height + 2 * d.padding < d.kernel || d.width + 2 * d.padding < d.kernel ||
      d.out_height != (d.height + 2 * d.padding - d.kernel) / d.stride + 1 ||
      d.out_width != (d.width + 2 * d.padding - d.kernel) / d.stride + 1)
    fail(a, "expected the sizes of a convolution that fits its input");
  return d;
}

static size_t depthwise_inputs(const struct depthwise_dims *d) { return volume(d->channels, d->height, d->width); }
static size_t depthwise_outputs(const struct depthwise_dims *d) {
  return volume(d->channels, d->out_height, d->out_width);
}
static size_t depthwise_weights(const struct depthwise_dims *d) {
  return times((size_t)d->channels, times((size_t)d->kernel, (size_t)d->kernel));
}

static void depthwise_forward_checked(struct arguments *a) { /* y, x, w, b, dims */
  const struct depthwise_dims d = depthwise_sizes(a, 4);
  float *y = floats(a, "y", depthwise_outputs(&d));
  const float *x = floats(a, "x", depthwise_inputs(&d)), *w = floats(a, "w", depthwise_weights(&d));
  const float *b = floats(a, "b", (size_t)d.channels);
  if (!a->failed) a->kernels->depthwise_forward(y, x, w, b, &d);
}
OPERATION("depthwiseForward", depthwise_forward)

static void depthwise_backward_input_checked(struct arguments *a) { /* dx, dy, w, dims */
  const struct depthwise_dims d = depthwise_sizes(a, 3);
  float *dx = floats(a, "dx", depthwise_inputs(&d));
  const float *dy = floats(a, "dy", depthwise_outputs(&d)), *w = floats(a, "w", depthwise_weights(&d));
  if (!a->failed) a->kernels->depthwise_backward_input(dx, dy, w, &d);
}
OPERATION("depthwiseBackwardInput", depthwise_backward_input)

static void depthwise_backward_parameters_checked(struct arguments *a) { /* dw, db, x, dy, dims */
  const struct depthwise_dims d = depthwise_sizes(a, 4);
  float *dw = floats(a, "dw", depthwise_weights(&d)), *db = floats(a, "db", (size_t)d.channels);
  const float *x = floats(a, "x", depthwise_inputs(&d)), *dy = floats(a, "dy", depthwise_outputs(&d));
  if (!a->failed) a->kernels->depthwise_backward_parameters(dw, db, x, dy, &d);
}
OPERATION("depthwiseBackwardParameters", depthwise_backward_parameters)
