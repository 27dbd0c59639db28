/*
 * The Node-API face of the kernels: one object per instruction set that this processor has, each with the operations of
 * `Kernels` (src/engine/kernels/native/native.ts gives them their types). Every call checks its arguments, so no call can
 * touch memory that is not its own.
 */
#include "arguments.h"
#include "kernels.h"
#include "processor.h"

#define LANES ((size_t)16)

/* dims come last but for a workspace, and say how long the rest must be: they are read first */
static struct conv2d_dims conv2d_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[9];
  a->next = index;
  sizes(a, n, 9);
  a->next = 0;
  const struct conv2d_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]};
  if (a->failed) return d;
  if (d.channels < 1 || d.height < 1 || d.width < 1 || d.filters < 1 || d.kernel < 1 || d.stride < 1 ||
      d.padding >= d.kernel || d.height + 2 * d.padding < d.kernel || d.width + 2 * d.padding < d.kernel ||
      d.out_height != (d.height + 2 * d.padding - d.kernel) / d.stride + 1 ||
      d.out_width != (d.width + 2 * d.padding - d.kernel) / d.stride + 1)
    fail(a, "expected the sizes of a convolution that fits its input");
  return d;
}

static struct pool2d_dims pool2d_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[7];
  a->next = index;
  sizes(a, n, 7);
  a->next = 0;
  const struct pool2d_dims d = {n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
  if (a->failed) return d;
  if (d.channels < 1 || d.height < d.size || d.width < d.size || d.size < 1 || d.size > 16 || d.stride < 1 ||
      d.out_height != (d.height - d.size) / d.stride + 1 || d.out_width != (d.width - d.size) / d.stride + 1)
    fail(a, "expected the sizes of a pooling that fits its input, with windows of 1 to 16");
  return d;
}

static size_t volume(ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width) {
  return times(times(times((size_t)channels, (size_t)height), (size_t)width), LANES);
}
static size_t conv2d_inputs(const struct conv2d_dims *d) { return volume(d->channels, d->height, d->width); }
static size_t conv2d_outputs(const struct conv2d_dims *d) { return volume(d->filters, d->out_height, d->out_width); }
static size_t conv2d_weights(const struct conv2d_dims *d) {
  return times(times((size_t)d->filters, (size_t)d->channels), times((size_t)d->kernel, (size_t)d->kernel));
}

#define OPERATION(js_name, c_name) \
  static napi_value c_name(napi_env env, napi_callback_info info) { \
    struct arguments args = begin(env, info, js_name), *a = &args; \
    c_name##_checked(a); \
    return NULL; \
  }

static void pack_pixels_checked(struct arguments *a) { /* x, pixels, first, lanes, table, dims */
  ptrdiff_t n[3];
  a->next = 5;
  sizes(a, n, 3);
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

struct linear_sizes {
  size_t inputs, units, weights;
};

static struct linear_sizes linear_sizes(struct arguments *a, size_t index) {
  ptrdiff_t n[2];
  a->next = index;
  sizes(a, n, 2);
  a->next = 0;
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

#include "addon_averagepool2d.h"
#include "addon_batchnorm.h"
#include "addon_depthwise.h"

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

static void softmax_forward_checked(struct arguments *a) { /* y, x, classes */
  a->next = 2;
  const ptrdiff_t classes = whole(a, "classes", 1, 256);
  a->next = 0;
  float *y = floats(a, "y", times((size_t)classes, LANES));
  const float *x = floats(a, "x", times((size_t)classes, LANES));
  if (!a->failed) a->kernels->softmax_forward(y, x, classes);
}
OPERATION("softmaxForward", softmax_forward)

/* labels[16] of which the first `lanes` are classes. Copied before they are checked: their memory may be shared with another
 * thread, or be that of an output, and a label says where to read. */
struct labels {
  uint8_t of[16];
};

static struct labels labels_of(struct arguments *a, ptrdiff_t lanes, ptrdiff_t classes) {
  struct labels labels = {{0}};
  const uint8_t *found = bytes(a, "labels", LANES, false);
  for (ptrdiff_t lane = 0; !a->failed && lane < lanes; lane++) {
    labels.of[lane] = *(const volatile uint8_t *)(found + lane);
    if (labels.of[lane] >= classes) fail(a, "expected every label to be below the number of classes");
  }
  return labels;
}

static void cross_entropy_forward_checked(struct arguments *a) { /* losses, x, labels, lanes, classes */
  a->next = 3;
  const ptrdiff_t lanes = whole(a, "lanes", 0, 16), classes = whole(a, "classes", 1, 256);
  a->next = 0;
  double *losses = elements(a, "losses", napi_float64_array, "Float64Array", LANES, false);
  const float *x = floats(a, "x", times((size_t)classes, LANES));
  const struct labels labels = labels_of(a, lanes, classes);
  if (!a->failed) a->kernels->cross_entropy_forward(losses, x, labels.of, lanes, classes);
}
OPERATION("crossEntropyForward", cross_entropy_forward)

static void cross_entropy_backward_checked(struct arguments *a) { /* dx, y, labels, lanes, classes */
  a->next = 3;
  const ptrdiff_t lanes = whole(a, "lanes", 0, 16), classes = whole(a, "classes", 1, 256);
  a->next = 0;
  float *dx = floats(a, "dx", times((size_t)classes, LANES));
  const float *y = floats(a, "y", times((size_t)classes, LANES));
  const struct labels labels = labels_of(a, lanes, classes);
  if (!a->failed) a->kernels->cross_entropy_backward(dx, y, labels.of, lanes, classes);
}
OPERATION("crossEntropyBackward", cross_entropy_backward)

static void soft_cross_entropy_forward_checked(struct arguments *a) { /* losses, x, labels, targets, lanes, classes */
  a->next = 4;
  const ptrdiff_t lanes = whole(a, "lanes", 0, 16), classes = whole(a, "classes", 1, 256);
  a->next = 0;
  double *losses = elements(a, "losses", napi_float64_array, "Float64Array", LANES, false);
  const float *x = floats(a, "x", times((size_t)classes, LANES));
  const struct labels labels = labels_of(a, lanes, classes);
  const double *targets = doubles(a, "targets", times((size_t)classes, (size_t)classes));
  if (!a->failed) a->kernels->soft_cross_entropy_forward(losses, x, labels.of, targets, lanes, classes);
}
OPERATION("softCrossEntropyForward", soft_cross_entropy_forward)

static void soft_cross_entropy_backward_checked(struct arguments *a) { /* dx, y, labels, targets, lanes, classes */
  a->next = 4;
  const ptrdiff_t lanes = whole(a, "lanes", 0, 16), classes = whole(a, "classes", 1, 256);
  a->next = 0;
  float *dx = floats(a, "dx", times((size_t)classes, LANES));
  const float *y = floats(a, "y", times((size_t)classes, LANES));
  const struct labels labels = labels_of(a, lanes, classes);
  const double *targets = doubles(a, "targets", times((size_t)classes, (size_t)classes));
  if (!a->failed) a->kernels->soft_cross_entropy_backward(dx, y, labels.of, targets, lanes, classes);
}
OPERATION("softCrossEntropyBackward", soft_cross_entropy_backward)

#define MOST_EXTENT 16384
static void augment_checked(struct arguments *a) { /* pixels, count, rows, scratch, dims */
  ptrdiff_t n[4];
  a->next = 4;
  sizes(a, n, 4);
  if (!a->failed && (n[0] < 1 || n[1] < 1 || n[2] < 1 || n[1] > MOST_EXTENT || n[2] > MOST_EXTENT || n[3] > 255))
    fail(a, "expected images of at least 1 channel, 1 to 16384 pixels high and wide, and a paper of 0 to 255");
  a->next = 1;
  const ptrdiff_t count = whole(a, "count", 0, 1 << 24);
  a->next = 0;
  const size_t image = times(times((size_t)n[0], (size_t)n[1]), (size_t)n[2]);
  uint8_t *pixels = bytes(a, "pixels", times((size_t)count, image), true);
  a->next = 2;
  const int32_t *rows = elements(a, "rows", napi_int32_array, "Int32Array", times((size_t)count, AUGMENT_ROW), false);
  void *scratch = elements(a, "scratch", napi_float32_array, "Float32Array",
                           (times((size_t)n[1] + 2, (size_t)n[2] + 2) + 3) / 4, false);
  if (!a->failed) a->kernels->augment(pixels, count, rows, scratch, n[0], n[1], n[2], n[3]);
}
OPERATION("augment", augment)

/* length → Float32Array of zeros that begins on a cache line */
static napi_value allocate(napi_env env, napi_callback_info info) {
  struct arguments args = begin(env, info, "allocate");
  const size_t length = (size_t)whole(&args, "length", 0, (int64_t)1 << 30);
  void *data = NULL;
  napi_value buffer = NULL, array = NULL;
  if (args.failed || napi_create_arraybuffer(env, length * sizeof(float) + 64, &data, &buffer) != napi_ok) return NULL;
  const size_t offset = (64 - (uintptr_t)data % 64) % 64;
  napi_create_typedarray(env, napi_float32_array, length, buffer, offset, &array);
  return array;
}

/* array → bytes from the beginning of its first cache line to the array; tests look at what allocate gives */
static napi_value cache_line_offset(napi_env env, napi_callback_info info) {
  struct arguments args = begin(env, info, "cacheLineOffset");
  const float *array = floats(&args, "array", length_of(&args, 0));
  napi_value result = NULL;
  if (!args.failed) napi_create_uint32(env, (uint32_t)((uintptr_t)array % 64), &result);
  return result;
}

/* count → how many multiply-adds of single numbers it did: the benchmark's measure of what the core can do */
static napi_value multiply_adds(napi_env env, napi_callback_info info) {
  struct arguments args = begin(env, info, "multiplyAdds");
  const ptrdiff_t count = whole(&args, "count", 0, 1 << 30);
  float sink[32];
  for (int i = 0; i < 32; i++) sink[i] = i < 16 ? 0.5f : 0.25f;
  napi_value result = NULL;
  if (!args.failed) napi_create_double(env, args.kernels->multiply_adds(count, sink), &result);
  return result;
}

#define METHOD(js_name, function) {js_name, NULL, function, NULL, NULL, NULL, napi_enumerable, (void *)kernels}

static void export_kernels(napi_env env, napi_value exports, const struct kernels *kernels) {
  const napi_property_descriptor methods[] = {
      METHOD("packPixels", pack_pixels),
      METHOD("conv2dWorkspace", conv2d_workspace),
      METHOD("conv2dForward", conv2d_forward),
      METHOD("conv2dBackwardInput", conv2d_backward_input),
      METHOD("conv2dBackwardParameters", conv2d_backward_parameters),
      METHOD("linearForward", linear_forward),
      METHOD("linearBackwardInput", linear_backward_input),
      METHOD("linearBackwardParameters", linear_backward_parameters),
      METHOD("maxPool2dForward", maxpool2d_forward),
      METHOD("maxPool2dBackward", maxpool2d_backward),
      METHOD("averagePool2dForward", averagepool2d_forward),
      METHOD("averagePool2dBackward", averagepool2d_backward),
      METHOD("batchNormStatistics", batchnorm_statistics),
      METHOD("batchNormForward", batchnorm_forward),
      METHOD("batchNormBackwardParameters", batchnorm_backward_parameters),
      METHOD("batchNormBackwardInput", batchnorm_backward_input),
      METHOD("depthwiseForward", depthwise_forward),
      METHOD("depthwiseBackwardInput", depthwise_backward_input),
      METHOD("depthwiseBackwardParameters", depthwise_backward_parameters),
      METHOD("activationForward", activation_forward),
      METHOD("activationBackward", activation_backward),
      METHOD("multiply", multiply),
      METHOD("add", add),
      METHOD("softmaxForward", softmax_forward),
      METHOD("crossEntropyForward", cross_entropy_forward),
      METHOD("crossEntropyBackward", cross_entropy_backward),
      METHOD("softCrossEntropyForward", soft_cross_entropy_forward),
      METHOD("softCrossEntropyBackward", soft_cross_entropy_backward),
      METHOD("augment", augment),
      METHOD("allocate", allocate),
      METHOD("cacheLineOffset", cache_line_offset),
      METHOD("multiplyAdds", multiply_adds),
  };
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return;
  napi_define_properties(env, object, sizeof methods / sizeof *methods, methods);
  napi_set_named_property(env, exports, kernels->name, object);
}

/* The fastest first */
NAPI_MODULE_INIT() {
#if defined(__x86_64__)
  if (processor_has_avx512()) export_kernels(env, exports, &onko_kernels_avx512);
  if (processor_has_avx2()) export_kernels(env, exports, &onko_kernels_avx2);
#elif defined(__aarch64__)
  export_kernels(env, exports, &onko_kernels_neon);
#endif
  return exports;
}
