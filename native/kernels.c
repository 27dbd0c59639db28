/*
 * All kernels for one instruction set: compiled once per set, with the flags of native/build.mjs and the table's name
 * (-DONKO_KERNELS=onko_kernels_avx512).
 */
#include "kernels.h"

#include "augment.h"
#include "averagepool2d.h"
#include "batchnorm.h"
#include "conv2d.h"
#include "conv2d_parameters.h"
#include "depthwise.h"
#include "elementwise.h"
#include "encode.h"
#include "linear.h"
#include "maxpool2d.h"
#include "select.h"
#include "softmax.h"
/* What is done once for each step stays outside of WebAssembly: its arrays would have to be carried in and out. */
#ifndef __wasm__
#include "update.h"
#endif

static double multiply_adds(ptrdiff_t count, float *sink) {
  enum { CHAINS = V_REGISTERS == 32 ? 20 : 12 };
  V sum[CHAINS];
  const V a = load_v(sink), b = load_v(sink + LANES);
  UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = all_v((float)i);
  for (ptrdiff_t n = 0; n < count; n++) {
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = fma_v(sum[i], a, b);
  }
  V total = all_v(0);
  UNROLL for (int i = 0; i < CHAINS; i++) total += sum[i];
  store_v(sink, total);
  return (double)count * CHAINS * V_LANES;
}

_Static_assert(ROW_LENGTH == AUGMENT_ROW, "the addon checks rows of the length that is read");

static ptrdiff_t conv2d_workspace(const struct conv2d_dims *d) {
  const struct correlation forward = forward_correlation(NULL, NULL, NULL, NULL, d);
  const ptrdiff_t forward_and_parameters = most(correlation_workspace(&forward), gradient_workspace(d));
  if (d->stride != 1) return forward_and_parameters;
  const struct correlation backward = input_gradient(NULL, NULL, NULL, 0, 0, d);
  return most(forward_and_parameters, correlation_workspace(&backward));
}

#define STRING(name) #name
#define NAME_OF(name) STRING(name)

const struct kernels ONKO_KERNELS = {
    .name = NAME_OF(ONKO_SET),
    .pack_pixels = pack_pixels,
    .conv2d_workspace = conv2d_workspace,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_input = conv2d_backward_input,
    .conv2d_backward_parameters = conv2d_backward_parameters,
    .linear_forward = linear_forward,
    .linear_backward_input = linear_backward_input,
    .linear_backward_parameters = linear_backward_parameters,
    .maxpool2d_forward = maxpool2d_forward,
    .maxpool2d_backward = maxpool2d_backward,
    .averagepool2d_forward = averagepool2d_forward,
    .averagepool2d_backward = averagepool2d_backward,
    .batchnorm_statistics = batchnorm_statistics,
    .batchnorm_forward = batchnorm_forward,
    .batchnorm_backward_parameters = batchnorm_backward_parameters,
    .batchnorm_backward_input = batchnorm_backward_input,
    .depthwise_forward = depthwise_forward,
    .depthwise_backward_input = depthwise_backward_input,
    .depthwise_backward_parameters = depthwise_backward_parameters,
    .activation_forward = activation_forward,
    .activation_backward = activation_backward,
    .multiply = multiply,
    .add = add,
#ifndef __wasm__
    .scale = scale,
    .sum_of_squares = sum_of_squares,
    .sgd_plain_update = sgd_plain_update,
    .sgd_update = sgd_update,
    .adam_update = adam_update,
    .hash_lanes = hash_lanes,
#endif
    .softmax_forward = softmax_forward,
    .cross_entropy_forward = cross_entropy_forward,
    .cross_entropy_backward = cross_entropy_backward,
    .soft_cross_entropy_forward = soft_cross_entropy_forward,
    .soft_cross_entropy_backward = soft_cross_entropy_backward,
    .augment = augment,
    .encode = encode,
    .decode = decode,
    .select_largest = select_largest,
    .multiply_adds = multiply_adds,
};
