/* The WebAssembly face of the kernels: the operations by their names in `Kernels`, over the module's own memory. */
#include "kernels.c"

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("packPixels")
void export_pack_pixels(float *x, const uint8_t *pixels, ptrdiff_t lanes, const float *table, ptrdiff_t pixel_channels,
                        ptrdiff_t channels, ptrdiff_t area) {
  pack_pixels(x, pixels, lanes, table, pixel_channels, channels, area);
}

EXPORT("conv2dWorkspace")
ptrdiff_t export_conv2d_workspace(const struct conv2d_dims *d) { return conv2d_workspace(d); }

EXPORT("conv2dForward")
void export_conv2d_forward(float *y, const float *x, const float *w, const float *b, const struct conv2d_dims *d,
                           float *workspace) {
  conv2d_forward(y, x, w, b, d, workspace);
}

EXPORT("conv2dBackwardInput")
void export_conv2d_backward_input(float *dx, const float *dy, const float *w, const struct conv2d_dims *d,
                                  float *workspace) {
  conv2d_backward_input(dx, dy, w, d, workspace);
}

EXPORT("conv2dBackwardParameters")
void export_conv2d_backward_parameters(float *dw, float *db, const float *x, const float *dy,
                                       const struct conv2d_dims *d, float *workspace) {
  conv2d_backward_parameters(dw, db, x, dy, d, workspace);
}

EXPORT("linearForward")
void export_linear_forward(float *y, const float *x, const float *w, const float *b, ptrdiff_t inputs,
                           ptrdiff_t units) {
  linear_forward(y, x, w, b, inputs, units);
}

EXPORT("linearBackwardInput")
void export_linear_backward_input(float *dx, const float *dy, const float *w, ptrdiff_t inputs, ptrdiff_t units) {
  linear_backward_input(dx, dy, w, inputs, units);
}

EXPORT("linearBackwardParameters")
void export_linear_backward_parameters(float *dw, float *db, const float *x, const float *dy, ptrdiff_t inputs,
                                       ptrdiff_t units) {
  linear_backward_parameters(dw, db, x, dy, inputs, units);
}

EXPORT("maxPool2dForward")
void export_maxpool2d_forward(float *y, uint8_t *argmax, const float *x, const struct pool2d_dims *d) {
  maxpool2d_forward(y, argmax, x, d);
}

EXPORT("maxPool2dBackward")
void export_maxpool2d_backward(float *dx, const float *dy, const uint8_t *argmax, const struct pool2d_dims *d) {
  maxpool2d_backward(dx, dy, argmax, d);
}

EXPORT("averagePool2dForward")
void export_averagepool2d_forward(float *y, const float *x, const struct averagepool2d_dims *d) {
  averagepool2d_forward(y, x, d);
}

EXPORT("averagePool2dBackward")
void export_averagepool2d_backward(float *dx, const float *dy, const struct averagepool2d_dims *d) {
  averagepool2d_backward(dx, dy, d);
}

EXPORT("batchNormStatistics")
void export_batchnorm_statistics(float *statistics, const float *x, ptrdiff_t lanes, ptrdiff_t channels,
                                 ptrdiff_t area) {
  batchnorm_statistics(statistics, x, lanes, channels, area);
}

EXPORT("batchNormForward")
void export_batchnorm_forward(float *y, const float *x, const float *w, const float *b, const float *statistics,
                              ptrdiff_t channels, ptrdiff_t area) {
  batchnorm_forward(y, x, w, b, statistics, channels, area);
}

EXPORT("batchNormBackwardParameters")
void export_batchnorm_backward_parameters(float *dw, float *db, float *sums, const float *x, const float *dy,
                                          const float *statistics, ptrdiff_t lanes, ptrdiff_t channels,
                                          ptrdiff_t area) {
  batchnorm_backward_parameters(dw, db, sums, x, dy, statistics, lanes, channels, area);
}

EXPORT("batchNormBackwardInput")
void export_batchnorm_backward_input(float *dx, const float *x, const float *dy, const float *w,
                                     const float *statistics, const float *sums, ptrdiff_t lanes, ptrdiff_t channels,
                                     ptrdiff_t area) {
  batchnorm_backward_input(dx, x, dy, w, statistics, sums, lanes, channels, area);
}

EXPORT("depthwiseForward")
void export_depthwise_forward(float *y, const float *x, const float *w, const float *b,
                              const struct depthwise_dims *d) {
  depthwise_forward(y, x, w, b, d);
}

EXPORT("depthwiseBackwardInput")
void export_depthwise_backward_input(float *dx, const float *dy, const float *w, const struct depthwise_dims *d) {
  depthwise_backward_input(dx, dy, w, d);
}

EXPORT("depthwiseBackwardParameters")
void export_depthwise_backward_parameters(float *dw, float *db, const float *x, const float *dy,
                                          const struct depthwise_dims *d) {
  depthwise_backward_parameters(dw, db, x, dy, d);
}

EXPORT("activationForward")
void export_activation_forward(float *y, const float *x, ptrdiff_t count, enum activation which, float slope) {
  activation_forward(y, x, count, which, slope);
}

EXPORT("activationBackward")
void export_activation_backward(float *dx, const float *dy, const float *y, ptrdiff_t count, enum activation which,
                                float slope) {
  activation_backward(dx, dy, y, count, which, slope);
}

EXPORT("multiply")
void export_multiply(float *y, const float *x, const float *m, ptrdiff_t count) { multiply(y, x, m, count); }

EXPORT("add")
void export_add(float *y, const float *x, ptrdiff_t count) { add(y, x, count); }

EXPORT("softmaxForward")
void export_softmax_forward(float *y, const float *x, ptrdiff_t classes) { softmax_forward(y, x, classes); }

EXPORT("crossEntropyForward")
void export_cross_entropy_forward(double *losses, const float *x, const uint8_t *labels, ptrdiff_t lanes,
                                  ptrdiff_t classes) {
  cross_entropy_forward(losses, x, labels, lanes, classes);
}

EXPORT("crossEntropyBackward")
void export_cross_entropy_backward(float *dx, const float *y, const uint8_t *labels, ptrdiff_t lanes,
                                   ptrdiff_t classes) {
  cross_entropy_backward(dx, y, labels, lanes, classes);
}

EXPORT("softCrossEntropyForward")
void export_soft_cross_entropy_forward(double *losses, const float *x, const uint8_t *labels, const double *targets,
                                       ptrdiff_t lanes, ptrdiff_t classes) {
  soft_cross_entropy_forward(losses, x, labels, targets, lanes, classes);
}

EXPORT("softCrossEntropyBackward")
void export_soft_cross_entropy_backward(float *dx, const float *y, const uint8_t *labels, const double *targets,
                                        ptrdiff_t lanes, ptrdiff_t classes) {
  soft_cross_entropy_backward(dx, y, labels, targets, lanes, classes);
}

EXPORT("augment")
void export_augment(uint8_t *pixels, ptrdiff_t count, const int32_t *rows, uint8_t *scratch, ptrdiff_t channels,
                    ptrdiff_t height, ptrdiff_t width, ptrdiff_t paper) {
  augment(pixels, count, rows, scratch, channels, height, width, paper);
}

EXPORT("encode")
void export_encode(uint8_t *bytes, const float *x, ptrdiff_t count, enum encoding encoding, const int32_t *stream) {
  encode(bytes, x, count, encoding, stream);
}

EXPORT("decode")
void export_decode(float *y, const uint8_t *bytes, ptrdiff_t count, enum encoding encoding, ptrdiff_t add) {
  decode(y, bytes, count, encoding, add);
}

EXPORT("selectLargest")
void export_select_largest(int32_t *indices, const float *x, ptrdiff_t count, ptrdiff_t kept) {
  select_largest(indices, x, count, kept);
}

EXPORT("multiplyAdds")
double export_multiply_adds(ptrdiff_t count, float *sink) { return multiply_adds(count, sink); }

/* a·b + c as the runtime computes it: relaxed multiply-adds may round once or twice. */
EXPORT("multiplyAdd")
float export_multiply_add(float a, float b, float c) { return fma_v(all_v(a), all_v(b), all_v(c))[0]; }

/* Where the stack and the constants end: set by the linker */
extern char __heap_base;
EXPORT("heapBase") char *heap_base(void) { return &__heap_base; }
