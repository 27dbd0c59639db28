/* The operations of averagepool2d.h, checked */
#include "addon_operation.h"

static struct averagepool2d_dims averagepool2d_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[8];
  sizes_at(a, index, n, 8);
  const struct averagepool2d_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
  if (a->failed) return d;
  if (d.channels < 1 || d.window_height < 1 || d.window_width < 1 || d.height < d.window_height ||
      d.width < d.window_width || d.stride < 1 || d.out_height != (d.height - d.window_height) / d.stride + 1 ||
      d.out_width != (d.width - d.window_width) / d.stride + 1)
    fail(a, "expected the sizes of an average pooling that fits its input");
  return d;
}

static void averagepool2d_forward_checked(struct arguments *a) { /* y, x, dims */
  const struct averagepool2d_dims d = averagepool2d_sizes(a, 2);
  float *y = floats(a, "y", volume(d.channels, d.out_height, d.out_width));
  const float *x = floats(a, "x", volume(d.channels, d.height, d.width));
  if (!a->failed) a->kernels->averagepool2d_forward(y, x, &d);
}
OPERATION("averagePool2dForward", averagepool2d_forward)

static void averagepool2d_backward_checked(struct arguments *a) { /* dx, dy, dims */
  const struct averagepool2d_dims d = averagepool2d_sizes(a, 2);
  float *dx = floats(a, "dx", volume(d.channels, d.height, d.width));
  const float *dy = floats(a, "dy", volume(d.channels, d.out_height, d.out_width));
  if (!a->failed) a->kernels->averagepool2d_backward(dx, dy, &d);
}
OPERATION("averagePool2dBackward", averagepool2d_backward)
