/*
 * V: as many of the sixteen lanes as one register of the instruction set holds. Kernels run over the parts of the lanes,
 * PARTS = 16 / V_LANES times; lanes never mix, so how many fit into a register changes no bit.
 *
 * Every multiply-add is a fused one: `fma_v` is one instruction on each native set below, and the compiler is told never to
 * fuse on its own (-ffp-contract=off). Everything else is IEEE 754 arithmetic, which rounds the same everywhere.
 * WebAssembly promises no fused multiply-add: plain SIMD rounds twice, relaxed SIMD as the machine likes.
 */
#ifndef ONKO_VECTOR_H
#define ONKO_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
/* Before a loop over a tile: only unrolled whole do its accumulators become registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__AVX512F__)
#include <immintrin.h>
#define V_LANES 16
#define V_REGISTERS 32
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define V_LANES 8
#define V_REGISTERS 16
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define V_LANES 4
#define V_REGISTERS 32
#elif defined(__wasm_simd128__)
#define V_LANES 4
#define V_REGISTERS 15 /* of x64's sixteen the runtime keeps one for itself */
#else
#error "Expected AVX-512, AVX2 with FMA, NEON on 64-bit ARM, or WebAssembly with SIMD."
#endif

#define PARTS (LANES / V_LANES)

/*
 * Between the steps of a tile that fills all registers: keeps compilers from loading the next step's operand early, for
 * which there is no register left. (Plain WebAssembly needs one more for each product, so its tile is never that tight.)
 */
#if V_REGISTERS == 16 || defined(__wasm_relaxed_simd__)
#define IN_ORDER __asm__ volatile("" ::: "memory")
#else
#define IN_ORDER (void)0
#endif

typedef float V __attribute__((vector_size(V_LANES * 4)));
typedef int32_t VI __attribute__((vector_size(V_LANES * 4)));
/* In memory a vector stands wherever a float may: typed arrays are aligned to their elements only. */
typedef float V_in_memory __attribute__((vector_size(V_LANES * 4), aligned(4), may_alias));

INLINE V load_v(const float *p) { return *(const V_in_memory *)p; }
INLINE void store_v(float *p, V v) { *(V_in_memory *)p = v; }
INLINE V all_v(float value) { return value - (V){0}; }

/* a·b + c, rounded once */
INLINE V fma_v(V a, V b, V c) {
#if V_LANES == 16
  return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif V_LANES == 8
  return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__wasm_relaxed_simd__)
  return (V)__builtin_wasm_relaxed_madd_f32x4(a, b, c);
#elif defined(__wasm_simd128__)
  return a * b + c;
#else
  return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}

/* mask ? a : b; masks are what comparing vectors gives: all bits or none */
INLINE V select_v(VI mask, V a, V b) { return (V)((mask & (VI)a) | (~mask & (VI)b)); }

/* Sum of sixteen lanes, always as halves: i and i+8, i and i+4, … */
INLINE float sum_lanes(const float *p) {
  float eight[8], four[4];
  for (int i = 0; i < 8; i++) eight[i] = p[i] + p[i + 8];
  for (int i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* Where part `index` begins when `count` things are cut into `parts` that differ by one at most */
INLINE ptrdiff_t cut(ptrdiff_t count, ptrdiff_t parts, ptrdiff_t index) { return count * index / parts; }
INLINE ptrdiff_t divide_up(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

#endif
