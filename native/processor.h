/* What the processor, and the operating system that must save its registers, can do. */
#ifndef ONKO_PROCESSOR_H
#define ONKO_PROCESSOR_H

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

static inline uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static inline bool processor_has_avx2(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
  if ((c & (fma | osxsave | avx)) != (fma | osxsave | avx) || (saved_registers() & 0x6) != 0x6) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 5) != 0;
}

static inline bool processor_has_avx512(void) {
  unsigned a, b, c, d;
  if (!processor_has_avx2() || (saved_registers() & 0xe6) != 0xe6) return false;
  const unsigned foundation = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31, all = foundation | dq | bw | vl;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & all) == all;
}
#endif

#endif
