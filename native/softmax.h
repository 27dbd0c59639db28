/*
 * Softmax and cross-entropy, in doubles. exp and log are those of src/engine/math.ts, operation by operation: plain double
 * arithmetic, so they round the same on every machine.
 */
#ifndef ONKO_SOFTMAX_H
#define ONKO_SOFTMAX_H

#include "vector.h"

INLINE double power_of_two(int64_t k) { /* −1022 ≤ k ≤ 1023 */
  const uint64_t bits = (uint64_t)(k + 1023) << 52;
  double value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

#define LN2_HIGH 0.6931471803691238
#define LN2_LOW 1.9082149292705877e-10

/* eˣ for x ≤ 0 (or NaN), less than 1 ulp off */
INLINE double exp_below_zero(double x) {
  if (!(x >= -745.2)) return x < -745.2 ? 0 : x;
  const double shift = 6755399441055744.0; /* 1.5·2⁵² */
  const double k = x * 1.4426950408889634 + shift - shift;
  const double high = x - k * LN2_HIGH, low = k * LN2_LOW;
  const double r = high - low;
  const double correction = high - r - low;
  const double z = r * r;
  const double even =
      0.5 + z * (1.0 / 24 + z * (1.0 / 720 + z * (1.0 / 40320 + z * (1.0 / 3628800 + z * (1.0 / 479001600)))));
  const double odd = 1.0 / 6 + z * (1.0 / 120 + z * (1.0 / 5040 + z * (1.0 / 362880 +
                     z * (1.0 / 39916800 + z * (1.0 / 6227020800)))));
  const double y = 1 + (r + (z * (even + r * odd) + correction));
  if (k >= -1022) return y * power_of_two((int64_t)k);
  return y * power_of_two((int64_t)k + 60) * power_of_two(-60);
}

/* ln x for x ≥ 1 (or NaN), less than 1 ulp off */
INLINE double log_above_one(double x) {
  if (!(x < __builtin_inf())) return x;
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const int64_t word = (int64_t)(bits >> 32);
  const int64_t exponent = (word >> 20) - ((word & 0xfffff) >= 0x6a09e ? 1022 : 1023);
  const double mantissa = exponent <= 1022 ? x * power_of_two(-exponent) : x / 4 * power_of_two(2 - exponent);
  const double k = (double)exponent;
  const double f = mantissa - 1;
  const double s = f / (2 + f);
  const double z = s * s, zz = z * z;
  const double odd = 2.0 / 3 + zz * (2.0 / 7 + zz * (2.0 / 11 + zz * (2.0 / 15 + zz * (2.0 / 19))));
  const double even = 2.0 / 5 + zz * (2.0 / 9 + zz * (2.0 / 13 + zz * (2.0 / 17 + zz * (2.0 / 21))));
  const double series = z * (odd + z * even);
  const double half_square = 0.5 * f * f;
  return k * LN2_HIGH - (half_square - (s * (half_square + series) + k * LN2_LOW) - f);
}

INLINE float largest_logit(const float *x, ptrdiff_t lane, ptrdiff_t classes) {
  float largest = x[lane];
  for (ptrdiff_t k = 1; k < classes; k++) {
    const float v = x[k * LANES + lane];
    if (v > largest) largest = v;
  }
  return largest;
}

/* x[classes,16] logits → y[classes,16] probabilities: e^(x − max) / Σ e^(x − max); at most 256 classes */
static void softmax_forward(float *y, const float *x, ptrdiff_t classes) {
  double powers[256];
  for (ptrdiff_t lane = 0; lane < LANES; lane++) {
    const double largest = largest_logit(x, lane, classes);
    double sum = 0;
    for (ptrdiff_t k = 0; k < classes; k++) {
      powers[k] = exp_below_zero(x[k * LANES + lane] - largest);
      sum += powers[k];
    }
    for (ptrdiff_t k = 0; k < classes; k++) y[k * LANES + lane] = (float)(powers[k] / sum);
  }
}

/* x[classes,16] logits, labels[16] → losses[16]: ln Σ e^(x − max) − (x[label] − max), in nats */
static void cross_entropy_forward(double *losses, const float *x, const uint8_t *labels, ptrdiff_t lanes,
                                  ptrdiff_t classes) {
  for (ptrdiff_t lane = 0; lane < LANES; lane++) {
    losses[lane] = 0;
    if (lane >= lanes) continue;
    const double largest = largest_logit(x, lane, classes);
    double sum = 0;
    for (ptrdiff_t k = 0; k < classes; k++) sum += exp_below_zero(x[k * LANES + lane] - largest);
    losses[lane] = log_above_one(sum) - (x[labels[lane] * LANES + lane] - largest);
  }
}

/* y[classes,16] probabilities, labels[16] → dx[classes,16] = y − [class = label] */
static void cross_entropy_backward(float *dx, const float *y, const uint8_t *labels, ptrdiff_t lanes,
                                   ptrdiff_t classes) {
  for (ptrdiff_t k = 0; k < classes; k++) {
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
      const ptrdiff_t i = k * LANES + lane;
      dx[i] = lane < lanes ? y[i] - (k == labels[lane] ? 1.0f : 0.0f) : 0;
    }
  }
}

/* The same with targets[classes,classes], a row of weights for each label: Σₖ t[k]·(ln Σ e^(x − max) − (xₖ − max)) */
static void soft_cross_entropy_forward(double *losses, const float *x, const uint8_t *labels, const double *targets,
                                       ptrdiff_t lanes, ptrdiff_t classes) {
  for (ptrdiff_t lane = 0; lane < LANES; lane++) {
    losses[lane] = 0;
    if (lane >= lanes) continue;
    const double largest = largest_logit(x, lane, classes);
    const double *target = targets + labels[lane] * classes;
    double sum = 0, loss = 0;
    for (ptrdiff_t k = 0; k < classes; k++) sum += exp_below_zero(x[k * LANES + lane] - largest);
    const double log_sum = log_above_one(sum);
    for (ptrdiff_t k = 0; k < classes; k++) loss += target[k] * (log_sum - (x[k * LANES + lane] - largest));
    losses[lane] = loss;
  }
}

/* dx[k] = y[k]·Σ t − t[k] */
static void soft_cross_entropy_backward(float *dx, const float *y, const uint8_t *labels, const double *targets,
                                        ptrdiff_t lanes, ptrdiff_t classes) {
  for (ptrdiff_t lane = 0; lane < LANES; lane++) {
    const double *target = targets + (lane < lanes ? labels[lane] : 0) * classes;
    double mass = 0;
    for (ptrdiff_t k = 0; k < classes; k++) mass += target[k];
    for (ptrdiff_t k = 0; k < classes; k++) {
      const ptrdiff_t i = k * LANES + lane;
      dx[i] = lane < lanes ? (float)(mass * y[i] - target[k]) : 0;
    }
  }
}

#endif
