/* The operations of linear.h, checked */
#include "addon_operation.h"

struct linear_sizes {
  size_t inputs, units, weights;
};

static struct linear_sizes linear_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[2];
  sizes_at(a, index, n, 2);
  if (!a->failed && (n[0] < 1 || n[1] < 1)) fail(a, "expected at least one input and one unit");
  return (struct linear_sizes){(size_t)n[0], (size_t)n[1], times((size_t)n[0], (size_t)n[1])};
}

static void linear_forward_checked(struct arguments *a) { /* y, x, w, b, dims */
  const struct linear_sizes d = linear_sizes(a, 4);
  float *y = floats(a, "y", times(d.units, LANES));
  const float *x = floats(a, "x", times(d.inputs, LANES));
  const float *w = floats(a, "w", d.weights), *b = floats(a, "b", d.units);
  if (!a->failed) a->kernels->linear_forward(y, x, w, b, (ptrdiff_t)d.inputs, (ptrdiff_t)d.units);
}
OPERATION("linearForward", linear_forward)

static void linear_backward_input_checked(struct arguments *a) { /* dx, dy, w, dims */
  const struct linear_sizes d = linear_sizes(a, 3);
  float *dx = floats(a, "dx", times(d.inputs, LANES));
  const float *dy = floats(a, "dy", times(d.units, LANES)), *w = floats(a, "w", d.weights);
  if (!a->failed) a->kernels->linear_backward_input(dx, dy, w, (ptrdiff_t)d.inputs, (ptrdiff_t)d.units);
}
OPERATION("linearBackwardInput", linear_backward_input)

static void linear_backward_parameters_checked(struct arguments *a) { /* dw, db, x, dy, dims */
  const struct linear_sizes d = linear_sizes(a, 4);
  float *dw = floats(a, "dw", d.weights), *db = floats(a, "db", d.units);
  const float *x = floats(a, "x", times(d.inputs, LANES)), *dy = floats(a, "dy", times(d.units, LANES));
  if (!a->failed) a->kernels->linear_backward_parameters(dw, db, x, dy, (ptrdiff_t)d.inputs, (ptrdiff_t)d.units);
}
OPERATION("linearBackwardParameters", linear_backward_parameters)
