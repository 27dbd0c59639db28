/*
 * The Node-API face of the kernels: one object per instruction set that this processor has, each with the operations of
 * `Kernels` (src/engine/kernels/native/native.ts gives them their types). Every call checks its arguments, so no call can
 * touch memory that is not its own.
 */
#include "arguments.h"
#include "kernels.h"
#include "processor.h"

#include "addon_augment.h"
#include "addon_averagepool2d.h"
#include "addon_batchnorm.h"
#include "addon_conv2d.h"
#include "addon_depthwise.h"
#include "addon_elementwise.h"
#include "addon_encode.h"
#include "addon_linear.h"
#include "addon_maxpool2d.h"
#include "addon_select.h"
#include "addon_softmax.h"
#include "addon_update.h"

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
      METHOD("scale", scale),
      METHOD("sumOfSquares", sum_of_squares),
      METHOD("sgdPlainUpdate", sgd_plain_update),
      METHOD("sgdUpdate", sgd_update),
      METHOD("adamUpdate", adam_update),
      METHOD("hashLanes", hash_lanes),
      METHOD("softmaxForward", softmax_forward),
      METHOD("crossEntropyForward", cross_entropy_forward),
      METHOD("crossEntropyBackward", cross_entropy_backward),
      METHOD("softCrossEntropyForward", soft_cross_entropy_forward),
      METHOD("softCrossEntropyBackward", soft_cross_entropy_backward),
      METHOD("augment", augment),
      METHOD("encode", encode),
      METHOD("decode", decode),
      METHOD("selectLargest", select_largest),
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
