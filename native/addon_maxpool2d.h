/* The operations of maxpool2d.h, checked */
#include "addon_operation.h"

static struct pool2d_dims pool2d_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[7];
  sizes_at(a, index, n, 7);
  const struct pool2d_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
  if (a->failed) return d;
  if (d.channels < 1 || d.height < d.size || d.width < d.size || d.size < 1 || d.size > 16 || d.stride < 1 ||
      d.out_height != (d.height - d.size) / d.stride + 1 || d.out_width != (d.width - d.size) / d.stride + 1)
    fail(a, "expected the sizes of a pooling that fits its input, with windows of 1 to 16");
  return d;
}

static void maxpool2d_forward_checked(struct arguments *a) { /* y, argmax, x, dims */
  const struct pool2d_dims d = pool2d_sizes(a, 3);
  const size_t outputs = volume(d.channels, d.out_height, d.out_width);
  float *y = floats(a, "y", outputs);
  uint8_t *argmax = bytes(a, "argmax", outputs, false);
  const float *x = floats(a, "x", volume(d.channels, d.height, d.width));
  if (!a->failed) a->kernels->maxpool2d_forward(y, argmax, x, &d);
}
OPERATION("maxPool2dForward", maxpool2d_forward)

static void maxpool2d_backward_checked(struct arguments *a) { /* dx, dy, argmax, dims */
  const struct pool2d_dims d = pool2d_sizes(a, 3);
  const size_t outputs = volume(d.channels, d.out_height, d.out_width);
  float *dx = floats(a, "dx", volume(d.channels, d.height, d.width));
  const float *dy = floats(a, "dy", outputs);
  const uint8_t *argmax = bytes(a, "argmax", outputs, false);
  if (!a->failed) a->kernels->maxpool2d_backward(dx, dy, argmax, &d);
}
OPERATION("maxPool2dBackward", maxpool2d_backward)
