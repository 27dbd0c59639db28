/* The operations of update.h, checked. The numbers of a rule stand in a Float64Array, since they may be anything. */
#include "addon_operation.h"

static void scale_checked(struct arguments *a) { /* y, factor */
  const size_t count = length_of(a, 0);
  float *y = floats(a, "y", count);
  const double *factor = doubles(a, "factor", 1);
  if (!a->failed) a->kernels->scale(y, (ptrdiff_t)count, factor[0]);
}
OPERATION("scale", scale)

static void sum_of_squares_checked(struct arguments *a) { /* sum, x */
  const size_t count = length_of(a, 1);
  double *sum = doubles(a, "sum", 1);
  const float *x = floats(a, "x", count);
  if (!a->failed) sum[0] = a->kernels->sum_of_squares(x, (ptrdiff_t)count);
}
OPERATION("sumOfSquares", sum_of_squares)

static struct sgd_rule sgd_rule_of(struct arguments *a) {
  const double *rule = doubles(a, "rule", 4);
  if (a->failed) return (struct sgd_rule){0};
  return (struct sgd_rule){
      .learning_rate = rule[0], .momentum = rule[1], .weight_decay = rule[2], .nesterov = rule[3] != 0};
}

static void sgd_plain_update_checked(struct arguments *a) { /* parameters, gradient, rule */
  const size_t count = length_of(a, 0);
  float *parameters = floats(a, "parameters", count);
  const float *gradient = floats(a, "gradient", count);
  const struct sgd_rule rule = sgd_rule_of(a);
  if (!a->failed) a->kernels->sgd_plain_update(parameters, gradient, (ptrdiff_t)count, &rule);
}
OPERATION("sgdPlainUpdate", sgd_plain_update)

static void sgd_update_checked(struct arguments *a) { /* parameters, gradient, velocity, rule */
  const size_t count = length_of(a, 0);
  float *parameters = floats(a, "parameters", count);
  const float *gradient = floats(a, "gradient", count);
  float *velocity = floats(a, "velocity", count);
  const struct sgd_rule rule = sgd_rule_of(a);
  if (!a->failed) a->kernels->sgd_update(parameters, gradient, velocity, (ptrdiff_t)count, &rule);
}
OPERATION("sgdUpdate", sgd_update)

static void adam_update_checked(struct arguments *a) { /* parameters, gradient, first, second, rule */
  const size_t count = length_of(a, 0);
  float *parameters = floats(a, "parameters", count);
  const float *gradient = floats(a, "gradient", count);
  float *first = floats(a, "first", count), *second = floats(a, "second", count);
  const double *rule = doubles(a, "rule", 7);
  if (a->failed) return;
  const struct adam_rule r = {.step_size = rule[0],
                              .root_correction = rule[1],
                              .keep = rule[2],
                              .penalty = rule[3],
                              .beta1 = rule[4],
                              .beta2 = rule[5],
                              .epsilon = rule[6]};
  a->kernels->adam_update(parameters, gradient, first, second, (ptrdiff_t)count, &r);
}
OPERATION("adamUpdate", adam_update)

static void hash_lanes_checked(struct arguments *a) { /* lanes[17], x */
  const size_t count = length_of(a, 1);
  int32_t *lanes = elements(a, "lanes", napi_int32_array, "Int32Array", LANES + 1, false);
  const float *x = floats(a, "x", count);
  if (!a->failed) a->kernels->hash_lanes(lanes, x, (ptrdiff_t)count);
}
OPERATION("hashLanes", hash_lanes)
