/* The operations of elementwise.h, checked */
#include "addon_operation.h"

static void pack_pixels_checked(struct arguments *a) { /* x, pixels, first, lanes, table, dims */
  ptrdiff_t n[3];
  sizes_at(a, 5, n, 3);
  if (!a->failed && ((n[0] != 1 && n[0] != 3) || n[1] < n[0])) fail(a, "expected 1 or 3 channels of pixels, and the model's no fewer");
  a->next = 2;
  const ptrdiff_t first = whole(a, "first", 0, (int64_t)1 << 32), lanes = whole(a, "lanes", 0, 16);
  const float *table = floats(a, "table", 256);
  const size_t sample = times((size_t)n[0], (size_t)n[2]);
  a->next = 0;
  float *x = floats(a, "x", times(times((size_t)n[1], (size_t)n[2]), LANES));
  const uint8_t *pixels = bytes(a, "pixels", times((size_t)(first + lanes), sample), true);
  if (!a->failed) a->kernels->pack_pixels(x, pixels + (size_t)first * sample, lanes, table, n[0], n[1], n[2]);
}
OPERATION("packPixels", pack_pixels)

static float slope_of(struct arguments *a) {
  double slope = 0;
  if (!a->failed && napi_get_value_double(a->env, a->values[a->next++], &slope) != napi_ok) fail(a, "expected slope to be a number");
  return (float)slope;
}

/* Activations lie in groups of sixteen lanes. */
static size_t activation_count(struct arguments *a) {
  const size_t count = length_of(a, 0);
  if (!a->failed && count % LANES != 0) fail(a, "expected a multiple of 16 values");
  return count;
}

static void activation_forward_checked(struct arguments *a) { /* y, x, activation, slope */
  const size_t count = activation_count(a);
  float *y = floats(a, "y", count);
  const float *x = floats(a, "x", count);
  const enum activation which = (enum activation)whole(a, "activation", 0, ACTIVATION_COUNT - 1);
  const float slope = slope_of(a);
  if (!a->failed) a->kernels->activation_forward(y, x, (ptrdiff_t)count, which, slope);
}
OPERATION("activationForward", activation_forward)

static void activation_backward_checked(struct arguments *a) { /* dx, dy, y, activation, slope */
  const size_t count = activation_count(a);
  float *dx = floats(a, "dx", count);
  const float *dy = floats(a, "dy", count), *y = floats(a, "y", count);
  const enum activation which = (enum activation)whole(a, "activation", 0, ACTIVATION_COUNT - 1);
  const float slope = slope_of(a);
  if (!a->failed) a->kernels->activation_backward(dx, dy, y, (ptrdiff_t)count, which, slope);
}
OPERATION("activationBackward", activation_backward)

static void multiply_checked(struct arguments *a) { /* y, x, m */
  const size_t count = length_of(a, 0);
  float *y = floats(a, "y", count);
  const float *x = floats(a, "x", count), *m = floats(a, "m", count);
  if (!a->failed) a->kernels->multiply(y, x, m, (ptrdiff_t)count);
}
OPERATION("multiply", multiply)

static void add_checked(struct arguments *a) { /* y, x */
  const size_t count = length_of(a, 0);
  float *y = floats(a, "y", count);
  const float *x = floats(a, "x", count);
  if (!a->failed) a->kernels->add(y, x, (ptrdiff_t)count);
}
OPERATION("add", add)
