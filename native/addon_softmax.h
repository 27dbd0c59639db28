/* The operations of softmax.h, checked */
#include "addon_operation.h"

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
