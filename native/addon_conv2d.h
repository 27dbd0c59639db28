/* The operations of conv2d.h, checked */
#include "addon_operation.h"

static struct conv2d_dims conv2d_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[9];
  sizes_at(a, index, n, 9);
  const struct conv2d_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]};
  if (a->failed) return d;
  if (d.channels < 1 || d.height < 1 || d.width < 1 || d.filters < 1 || d.kernel < 1 || d.stride < 1 ||
      d.padding >= d.kernel || d.height + 2 * d.padding < d.kernel || d.width + 2 * d.padding < d.kernel ||
      d.out_height != (d.height + 2 * d.padding - d.kernel) / d.stride + 1 ||
      d.out_width != (d.width + 2 * d.padding - d.kernel) / d.stride + 1)
    fail(a, "expected the sizes of a convolution that fits its input");
  return d;
}

static size_t conv2d_inputs(const struct conv2d_dims *d) { return volume(d->channels, d->height, d->width); }
static size_t conv2d_outputs(const struct conv2d_dims *d) { return volume(d->filters, d->out_height, d->out_width); }
static size_t conv2d_weights(const struct conv2d_dims *d) {
  return times(times((size_t)d->filters, (size_t)d->channels), times((size_t)d->kernel, (size_t)d->kernel));
}

/* dims → floats that the three operations below want to work in */
static napi_value conv2d_workspace(napi_env env, napi_callback_info info) {
  struct arguments args = begin(env, info, "conv2dWorkspace");
  const struct conv2d_dims d = conv2d_sizes(&args, 0);
  napi_value result = NULL;
  if (!args.failed) napi_create_int64(env, args.kernels->conv2d_workspace(&d), &result);
  return result;
}

static float *workspace_for(struct arguments *a, const struct conv2d_dims *d) {
  const size_t count = a->failed ? 0 : (size_t)a->kernels->conv2d_workspace(d);
  return elements(a, "workspace", napi_float32_array, "Float32Array", count, true);
}

static void conv2d_forward_checked(struct arguments *a) { /* y, x, w, b, dims, workspace */
  const struct conv2d_dims d = conv2d_sizes(a, 4);
  float *y = floats(a, "y", conv2d_outputs(&d));
  const float *x = floats(a, "x", conv2d_inputs(&d));
  const float *w = floats(a, "w", conv2d_weights(&d)), *b = floats(a, "b", (size_t)d.filters);
  a->next++;
  float *workspace = workspace_for(a, &d);
  if (!a->failed) a->kernels->conv2d_forward(y, x, w, b, &d, workspace);
}
OPERATION("conv2dForward", conv2d_forward)

static void conv2d_backward_input_checked(struct arguments *a) { /* dx, dy, w, dims, workspace */
  const struct conv2d_dims d = conv2d_sizes(a, 3);
  float *dx = floats(a, "dx", conv2d_inputs(&d));
  const float *dy = floats(a, "dy", conv2d_outputs(&d)), *w = floats(a, "w", conv2d_weights(&d));
  a->next++;
  float *workspace = workspace_for(a, &d);
  if (!a->failed) a->kernels->conv2d_backward_input(dx, dy, w, &d, workspace);
}
OPERATION("conv2dBackwardInput", conv2d_backward_input)

static void conv2d_backward_parameters_checked(struct arguments *a) { /* dw, db, x, dy, dims, workspace */
  const struct conv2d_dims d = conv2d_sizes(a, 4);
  float *dw = floats(a, "dw", conv2d_weights(&d)), *db = floats(a, "db", (size_t)d.filters);
  const float *x = floats(a, "x", conv2d_inputs(&d)), *dy = floats(a, "dy", conv2d_outputs(&d));
  a->next++;
  float *workspace = workspace_for(a, &d);
  if (!a->failed) a->kernels->conv2d_backward_parameters(dw, db, x, dy, &d, workspace);
}
OPERATION("conv2dBackwardParameters", conv2d_backward_parameters)
