/*
 * Arguments of a call, read and checked before any memory is touched. The first thing wrong raises a JavaScript error and
 * sets `failed`; what is read afterwards is empty. Sizes are multiplied with saturation: no product wraps around.
 */
#ifndef ONKO_ARGUMENTS_H
#define ONKO_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MOST_ARGUMENTS 8
#define TOO_LARGE ((size_t)1 << 48)

struct arguments {
  napi_env env;
  const char *operation;
  const struct kernels *kernels;
  napi_value values[MOST_ARGUMENTS];
  size_t next;
  bool failed;
};

static void fail(struct arguments *a, const char *message) {
  if (a->failed) return;
  a->failed = true;
  char text[256];
  snprintf(text, sizeof text, "%s: %s.", a->operation, message);
  napi_throw_type_error(a->env, "ERR_INVALID_ARG_VALUE", text);
}

static struct arguments begin(napi_env env, napi_callback_info info, const char *operation) {
  struct arguments a = {.env = env, .operation = operation};
  size_t count = MOST_ARGUMENTS;
  void *data = NULL;
  /* Arguments that are missing read as undefined. */
  if (napi_get_cb_info(env, info, &count, a.values, NULL, &data) != napi_ok) fail(&a, "the call cannot be read");
  a.kernels = data;
  return a;
}

static size_t times(size_t a, size_t b) {
  if (a == 0 || b == 0) return 0;
  return a > TOO_LARGE / b ? TOO_LARGE : a * b;
}

/* The next argument: a typed array of `type` with `count` elements, or, with `or_more`, at least so many */
static void *elements(struct arguments *a, const char *name, napi_typedarray_type type, const char *type_name,
                      size_t count, bool or_more) {
  napi_typedarray_type found_type;
  size_t found = 0;
  void *data = NULL;
  napi_value value = a->values[a->next++];
  bool is_typed_array = false;
  if (a->failed) return NULL;
  char message[200];
  if (napi_is_typedarray(a->env, value, &is_typed_array) != napi_ok || !is_typed_array ||
      napi_get_typedarray_info(a->env, value, &found_type, &found, &data, NULL, NULL) != napi_ok ||
      found_type != type) {
    snprintf(message, sizeof message, "expected %s to be a %s", name, type_name);
    fail(a, message);
    return NULL;
  }
  if (or_more ? found < count : found != count) {
    snprintf(message, sizeof message, "expected %s to have %s%zu elements, found %zu", name,
             or_more ? "at least " : "", count, found);
    fail(a, message);
    return NULL;
  }
  if (data == NULL && count > 0) {
    snprintf(message, sizeof message, "expected %s to have memory, found a detached array", name);
    fail(a, message);
    return NULL;
  }
  return data;
}

static float *floats(struct arguments *a, const char *name, size_t count) {
  return elements(a, name, napi_float32_array, "Float32Array", count, false);
}

static double *doubles(struct arguments *a, const char *name, size_t count) {
  return elements(a, name, napi_float64_array, "Float64Array", count, false);
}

static uint8_t *bytes(struct arguments *a, const char *name, size_t count, bool or_more) {
  return elements(a, name, napi_uint8_array, "Uint8Array", count, or_more);
}

/* How many elements the typed array at `index` has; 0 for anything else, which reading it will refuse */
static size_t length_of(struct arguments *a, size_t index) {
  size_t found = 0;
  bool is_typed_array = false;
  if (a->failed || napi_is_typedarray(a->env, a->values[index], &is_typed_array) != napi_ok || !is_typed_array) return 0;
  napi_get_typedarray_info(a->env, a->values[index], NULL, &found, NULL, NULL, NULL);
  return found;
}

/* The next argument: a whole number from `least` to `most` */
static ptrdiff_t whole(struct arguments *a, const char *name, int64_t least, int64_t most) {
  double found = 0;
  napi_value value = a->values[a->next++];
  if (a->failed) return least;
  const bool is_number = napi_get_value_double(a->env, value, &found) == napi_ok;
  if (!is_number || !(found >= (double)least && found <= (double)most) || found != (double)(int64_t)found) {
    char message[160];
    snprintf(message, sizeof message, "expected %s to be a whole number from %lld to %lld", name, (long long)least,
             (long long)most);
    fail(a, message);
    return least;
  }
  return (ptrdiff_t)found;
}

/* The next argument: `count` sizes in an Int32Array, each from 0 to 2²⁴ */
static void sizes(struct arguments *a, ptrdiff_t *out, size_t count) {
  const int32_t *found = elements(a, "dims", napi_int32_array, "Int32Array", count, false);
  for (size_t i = 0; i < count; i++) {
    out[i] = found == NULL ? 0 : found[i];
    if (!a->failed && (out[i] < 0 || out[i] > 1 << 24)) fail(a, "expected every size in dims to be from 0 to 2^24");
  }
}

#endif
