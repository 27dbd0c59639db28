/* The operation of augment.h, checked */
#include "addon_operation.h"

#define MOST_EXTENT 16384
static void augment_checked(struct arguments *a) { /* pixels, count, rows, scratch, dims */
  ptrdiff_t n[4];
  sizes_at(a, 4, n, 4);
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
                           (times(times((size_t)n[1] + 2, (size_t)n[2] + 2), 2) + 3) / 4, false);
  if (!a->failed) a->kernels->augment(pixels, count, rows, scratch, n[0], n[1], n[2], n[3]);
}
OPERATION("augment", augment)
