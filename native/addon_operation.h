/*
 * What the checked operations are made of. addon.c includes each addon_*.h once: the operations of the kernel header of that
 * name, with their arguments checked. Dims come last but for a workspace, and say how long the rest must be: they are read first.
 */
#ifndef ONKO_ADDON_OPERATION_H
#define ONKO_ADDON_OPERATION_H

#include "arguments.h"
#include "kernels.h"

#define LANES ((size_t)16)

/* How many values an activation has */
static size_t volume(ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width) {
  return times(times(times((size_t)channels, (size_t)height), (size_t)width), LANES);
}

/* The function that JavaScript calls, around `c_name_checked`, which reads the arguments and runs the kernel */
#define OPERATION(js_name, c_name) \
  static napi_value c_name(napi_env env, napi_callback_info info) { \
    struct arguments args = begin(env, info, js_name), *a = &args; \
    c_name##_checked(a); \
    return NULL; \
  }

#endif
