/*
 * What a coordinator does with a summed gradient: looks at it, scales it, measures it, and takes the optimizer's step. Elementwise in
 * doubles, rounded once when stored, nothing fused: the bits of plain JavaScript, on every instruction set. The compiler makes vectors
 * of the loops. Counts are free; arrays may overlap, in whatever way.
 */
#ifndef ONKO_UPDATE_H
#define ONKO_UPDATE_H

#include "vector.h"

static void scale(float *y, ptrdiff_t count, double factor) {
  for (ptrdiff_t i = 0; i < count; i++) y[i] = (float)(y[i] * factor);
}

/* Four interleaved sums, as few as the narrowest instruction set likes and as many as the widest can do without waiting */
static double sum_of_squares(const float *x, ptrdiff_t count) {
  typedef double D __attribute__((vector_size(32)));
  D sum = {0};
  ptrdiff_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const D v = {x[i], x[i + 1], x[i + 2], x[i + 3]};
    sum += v * v;
  }
  for (; i < count; i++) sum[0] += (double)x[i] * x[i];
  return sum[0] + sum[1] + (sum[2] + sum[3]);
}

/* Without momentum */
static void sgd_plain_update(float *parameters, const float *gradient, ptrdiff_t count, const struct sgd_rule *r) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const double p = parameters[i];
    parameters[i] = (float)(p - r->learning_rate * (gradient[i] + r->weight_decay * p));
  }
}

static void sgd_update(float *parameters, const float *gradient, float *velocity, ptrdiff_t count,
                       const struct sgd_rule *r) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const double p = parameters[i];
    const double change = gradient[i] + r->weight_decay * p;
    const double v = r->momentum * velocity[i] + change;
    velocity[i] = (float)v;
    parameters[i] = (float)(p - r->learning_rate * (r->nesterov ? change + r->momentum * v : v));
  }
}

static void adam_update(float *parameters, const float *gradient, float *first, float *second, ptrdiff_t count,
                        const struct adam_rule *r) {
  const double of_gradient = 1 - r->beta1, of_square = 1 - r->beta2;
  for (ptrdiff_t i = 0; i < count; i++) {
    const double p = parameters[i];
    const double g = gradient[i] + r->penalty * p;
    const double m = r->beta1 * first[i] + of_gradient * g;
    const double v = r->beta2 * second[i] + of_square * g * g;
    first[i] = (float)m;
    second[i] = (float)v;
    parameters[i] = (float)(p * r->keep - (r->step_size * m) / (__builtin_sqrt(v) / r->root_correction + r->epsilon));
  }
}

/* The round of xxHash32 (Yann Collet), on sixteen lanes: lane ← rotate(lane + word·P2, 13)·P1; and whether any exponent is all ones */
static void hash_lanes(int32_t *lanes, const float *x, ptrdiff_t count) {
  typedef uint32_t U __attribute__((vector_size(64)));
  typedef uint32_t U_in_memory __attribute__((vector_size(64), aligned(4), may_alias));
  const uint32_t exponent = 0x7f800000, p1 = 2654435761u, p2 = 2246822519u;
  U state = *(const U_in_memory *)lanes, odd = {0};
  ptrdiff_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const U word = *(const U_in_memory *)(x + i);
    odd |= (U)((word & exponent) == exponent);
    state += word * p2;
    state = ((state << 13) | (state >> 19)) * p1;
  }
  uint32_t found = (uint32_t)lanes[LANES];
  for (int lane = 0; i + lane < count; lane++) {
    uint32_t word;
    __builtin_memcpy(&word, x + i + lane, sizeof word);
    if ((word & exponent) == exponent) found = 1;
    const uint32_t sum = state[lane] + word * p2;
    state[lane] = ((sum << 13) | (sum >> 19)) * p1;
  }
  for (int lane = 0; lane < LANES; lane++) found |= odd[lane] & 1;
  *(U_in_memory *)lanes = state;
  lanes[LANES] = (int32_t)found;
}

#endif
