/* The operation of select.h, checked */
#include "addon_operation.h"

static void select_largest_checked(struct arguments *a) { /* indices, x, kept */
  const size_t count = length_of(a, 1);
  a->next = 2;
  const ptrdiff_t kept = whole(a, "kept", 0, (int64_t)1 << 30);
  a->next = 0;
  int32_t *indices = elements(a, "indices", napi_int32_array, "Int32Array", (size_t)kept, false);
  const float *x = elements(a, "x", napi_float32_array, "Float32Array", (size_t)kept, true);
  if (!a->failed) a->kernels->select_largest(indices, x, (ptrdiff_t)count, kept);
}
OPERATION("selectLargest", select_largest)
