/*
 * The operations of `Kernels` (src/engine/kernels/kernels.ts), once per instruction set. Activations are [C][H][W][16],
 * parameters in PyTorch's order. The callers have checked every length; nothing here allocates.
 */
#ifndef ONKO_KERNELS_H
#define ONKO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct conv2d_dims {
  ptrdiff_t channels, height, width, filters, kernel, stride, padding, out_height, out_width;
};

struct pool2d_dims {
  ptrdiff_t channels, height, width, size, stride, out_height, out_width;
};

struct averagepool2d_dims {
  ptrdiff_t channels, height, width, window_height, window_width, stride, out_height, out_width;
};

struct depthwise_dims {
  ptrdiff_t channels, height, width, kernel, stride, padding, out_height, out_width;
};

enum activation { ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_TANH, ACTIVATION_SIGMOID, ACTIVATION_COUNT };

enum encoding { ENCODING_F32, ENCODING_BF16, ENCODING_FP16, ENCODING_INT8, ENCODING_COUNT };

/* Of an optimizer's step; the formulas stand in src/engine/optimizer.ts */
struct sgd_rule {
  double learning_rate, momentum, weight_decay;
  int nesterov;
};

struct adam_rule {
  double step_size, root_correction, keep, penalty, beta1, beta2, epsilon;
};

/* Numbers in a row of native/augment.h */
#define AUGMENT_ROW 58

struct kernels {
  const char *name;
  void (*pack_pixels)(float *x, const uint8_t *pixels, ptrdiff_t lanes, const float *table, ptrdiff_t pixel_channels,
                      ptrdiff_t channels, ptrdiff_t area);
  /* Floats of memory that the three below want to work in; what stands there means nothing before or after. */
  ptrdiff_t (*conv2d_workspace)(const struct conv2d_dims *);
  void (*conv2d_forward)(float *y, const float *x, const float *w, const float *b, const struct conv2d_dims *,
                         float *workspace);
  void (*conv2d_backward_input)(float *dx, const float *dy, const float *w, const struct conv2d_dims *,
                                float *workspace);
  void (*conv2d_backward_parameters)(float *dw, float *db, const float *x, const float *dy,
                                     const struct conv2d_dims *, float *workspace);
  void (*linear_forward)(float *y, const float *x, const float *w, const float *b, ptrdiff_t inputs, ptrdiff_t units);
  void (*linear_backward_input)(float *dx, const float *dy, const float *w, ptrdiff_t inputs, ptrdiff_t units);
  void (*linear_backward_parameters)(float *dw, float *db, const float *x, const float *dy, ptrdiff_t inputs,
                                     ptrdiff_t units);
  void (*maxpool2d_forward)(float *y, uint8_t *argmax, const float *x, const struct pool2d_dims *);
  void (*maxpool2d_backward)(float *dx, const float *dy, const uint8_t *argmax, const struct pool2d_dims *);
  void (*averagepool2d_forward)(float *y, const float *x, const struct averagepool2d_dims *);
  void (*averagepool2d_backward)(float *dx, const float *dy, const struct averagepool2d_dims *);
  void (*batchnorm_statistics)(float *statistics, const float *x, ptrdiff_t lanes, ptrdiff_t channels, ptrdiff_t area);
  void (*batchnorm_forward)(float *y, const float *x, const float *w, const float *b, const float *statistics,
                            ptrdiff_t channels, ptrdiff_t area);
  void (*batchnorm_backward_parameters)(float *dw, float *db, float *sums, const float *x, const float *dy,
                                        const float *statistics, ptrdiff_t lanes, ptrdiff_t channels, ptrdiff_t area);
  void (*batchnorm_backward_input)(float *dx, const float *x, const float *dy, const float *w, const float *statistics,
                                   const float *sums, ptrdiff_t lanes, ptrdiff_t channels, ptrdiff_t area);
  void (*depthwise_forward)(float *y, const float *x, const float *w, const float *b, const struct depthwise_dims *);
  void (*depthwise_backward_input)(float *dx, const float *dy, const float *w, const struct depthwise_dims *);
  void (*depthwise_backward_parameters)(float *dw, float *db, const float *x, const float *dy,
                                        const struct depthwise_dims *);
  void (*activation_forward)(float *y, const float *x, ptrdiff_t count, enum activation, float slope);
  void (*activation_backward)(float *dx, const float *dy, const float *y, ptrdiff_t count, enum activation,
                              float slope);
  void (*multiply)(float *y, const float *x, const float *m, ptrdiff_t count);
  void (*add)(float *y, const float *x, ptrdiff_t count);
  void (*scale)(float *y, ptrdiff_t count, double factor);
  double (*sum_of_squares)(const float *x, ptrdiff_t count);
  void (*sgd_plain_update)(float *parameters, const float *gradient, ptrdiff_t count, const struct sgd_rule *);
  void (*sgd_update)(float *parameters, const float *gradient, float *velocity, ptrdiff_t count, const struct sgd_rule *);
  void (*adam_update)(float *parameters, const float *gradient, float *first, float *second, ptrdiff_t count,
                      const struct adam_rule *);
  /* lanes[17]: sixteen hashes, and whether a value was not finite */
  void (*hash_lanes)(int32_t *lanes, const float *x, ptrdiff_t count);
  void (*softmax_forward)(float *y, const float *x, ptrdiff_t classes);
  void (*cross_entropy_forward)(double *losses, const float *x, const uint8_t *labels, ptrdiff_t lanes,
                                ptrdiff_t classes);
  void (*cross_entropy_backward)(float *dx, const float *y, const uint8_t *labels, ptrdiff_t lanes,
                                 ptrdiff_t classes);
  void (*soft_cross_entropy_forward)(double *losses, const float *x, const uint8_t *labels, const double *targets,
                                     ptrdiff_t lanes, ptrdiff_t classes);
  void (*soft_cross_entropy_backward)(float *dx, const float *y, const uint8_t *labels, const double *targets,
                                      ptrdiff_t lanes, ptrdiff_t classes);
  void (*augment)(uint8_t *pixels, ptrdiff_t count, const int32_t *rows, uint8_t *scratch, ptrdiff_t channels,
                  ptrdiff_t height, ptrdiff_t width, ptrdiff_t paper);
  void (*encode)(uint8_t *bytes, const float *x, ptrdiff_t count, enum encoding, const int32_t *stream);
  void (*decode)(float *y, const uint8_t *bytes, ptrdiff_t count, enum encoding, ptrdiff_t add);
  void (*select_largest)(int32_t *indices, const float *x, ptrdiff_t count, ptrdiff_t kept);
  /* `count` independent chains' worth of multiply-adds, in registers: what the core can do at most. Returns how many. */
  double (*multiply_adds)(ptrdiff_t count, float *sink);
};

extern const struct kernels onko_kernels_avx512, onko_kernels_avx2, onko_kernels_neon;

#endif
