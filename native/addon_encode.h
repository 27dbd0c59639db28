/* The operations of encode.h, checked */
#include "addon_operation.h"

/* Bytes that `count` values take, as encodedBytes of src/engine/encodings.ts */
static size_t encoded_bytes(enum encoding encoding, size_t count) {
  const size_t scales = times((count + 255) / 256, 4);
  switch (encoding) {
  case ENCODING_F32: return times(count, 4);
  case ENCODING_BF16: return times((count + 1) / 2, 4);
  case ENCODING_FP16: return scales + times((count + 1) / 2, 4);
  default: return scales + times((count + 3) / 4, 4);
  }
}

static void encode_checked(struct arguments *a) { /* bytes, x, encoding, stream */
  const size_t count = length_of(a, 1);
  a->next = 2;
  const enum encoding encoding = (enum encoding)whole(a, "encoding", 0, ENCODING_COUNT - 1);
  const int32_t *stream = elements(a, "stream", napi_int32_array, "Int32Array", 4, false);
  a->next = 0;
  uint8_t *to = bytes(a, "bytes", encoded_bytes(encoding, count), false);
  const float *x = floats(a, "x", count);
  if (!a->failed) a->kernels->encode(to, x, (ptrdiff_t)count, encoding, stream);
}
OPERATION("encode", encode)

static void decode_checked(struct arguments *a) { /* y, bytes, encoding, add */
  const size_t count = length_of(a, 0);
  a->next = 2;
  const enum encoding encoding = (enum encoding)whole(a, "encoding", 0, ENCODING_COUNT - 1);
  const ptrdiff_t add = whole(a, "add", 0, 1);
  a->next = 0;
  float *y = floats(a, "y", count);
  const uint8_t *from = bytes(a, "bytes", encoded_bytes(encoding, count), false);
  if (!a->failed) a->kernels->decode(y, from, (ptrdiff_t)count, encoding, add);
}
OPERATION("decode", decode)
