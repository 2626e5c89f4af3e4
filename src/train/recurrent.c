/* SPDX-License-Identifier: ISC */
/** @file recurrent.c  Rows times packed panels. Above: lstm.c. Below: nothing but the CPU.

    A tile is up to 8 rows by 32 outputs: 16 AVX-512 accumulators, each step two loads of weights and 8 broadcasts for
    16 multiply-adds, so the adder and not the load port is the limit. Fused multiply-add is allowed here: these bits
    need not agree between machines, only between runs on one. */
#include "train/recurrent.h"

#include "train/simd.h"

#include <string.h>

#if defined(__x86_64__)
#  include <immintrin.h>
#endif

enum { PANEL = PMT_RECURRENT_PANEL, ROWS = 8 };

size_t pmt_recurrent_floats(uint32_t outputs, uint32_t inputs) {
  return (size_t)pmt_recurrent_panels(outputs) * PANEL * inputs;
}

void pmt_recurrent_pack(float* packed, const float* w, uint32_t rows, uint32_t cols, int transpose, uint32_t first,
                        uint32_t end) {
  const uint32_t outputs = transpose ? cols : rows;
  const uint32_t inputs = transpose ? rows : cols;
  for (uint32_t p = first; p < end; ++p) {
    float* panel = packed + (size_t)p * PANEL * inputs;
    const uint32_t width = outputs - p * PANEL < PANEL ? outputs - p * PANEL : PANEL;
    if (width < PANEL) { memset(panel, 0, sizeof *panel * PANEL * inputs); }
    if (transpose) {
      for (uint32_t k = 0; k < inputs; ++k) {
        memcpy(panel + (size_t)k * PANEL, w + (size_t)k * cols + p * PANEL, sizeof *panel * width);
      }
      continue;
    }
    for (uint32_t k0 = 0; k0 < inputs; k0 += 16) { /* blocks of 16 columns: both sides stay in cache lines */
      const uint32_t k1 = k0 + 16 < inputs ? k0 + 16 : inputs;
      for (uint32_t j = 0; j < width; ++j) {
        const float* row = w + (size_t)(p * PANEL + j) * cols;
        for (uint32_t k = k0; k < k1; ++k) { panel[(size_t)k * PANEL + j] = row[k]; }
      }
    }
  }
}

/** One tile: tile[n][PANEL] = x[n, inputs] * panel. */
typedef void (*Tile)(const float* panel, uint32_t inputs, const float* x, uint32_t n, float tile[ROWS][PANEL]);

#define TILE_BY_ROWS(one)                                    \
  switch (n) {                                               \
    case 8: one(panel, inputs, x, 8, tile); break;           \
    case 7: one(panel, inputs, x, 7, tile); break;           \
    case 6: one(panel, inputs, x, 6, tile); break;           \
    case 5: one(panel, inputs, x, 5, tile); break;           \
    case 4: one(panel, inputs, x, 4, tile); break;           \
    case 3: one(panel, inputs, x, 3, tile); break;           \
    case 2: one(panel, inputs, x, 2, tile); break;           \
    default: one(panel, inputs, x, 1, tile); break;          \
  }

#define INLINE static inline __attribute__((always_inline))

INLINE void plain_rows(const float* panel, uint32_t inputs, const float* x, uint32_t n, float tile[ROWS][PANEL]) {
  for (uint32_t r = 0; r < n; ++r) {
    float sum[PANEL] = {0};
    for (uint32_t k = 0; k < inputs; ++k) {
      const float v = x[(size_t)r * inputs + k];
      for (uint32_t j = 0; j < PANEL; ++j) { sum[j] += v * panel[(size_t)k * PANEL + j]; }
    }
    memcpy(tile[r], sum, sizeof sum);
  }
}

PMT_WIDE static void tile_plain(const float* panel, uint32_t inputs, const float* x, uint32_t n,
                                float tile[ROWS][PANEL]) {
  plain_rows(panel, inputs, x, n, tile);
}

#if defined(__x86_64__)
#  define AVX512 __attribute__((target("avx512f")))
AVX512 INLINE void avx512_rows(const float* panel, uint32_t inputs, const float* x, const uint32_t n,
                               float tile[ROWS][PANEL]) {
  __m512 a[ROWS], b[ROWS];
  for (uint32_t r = 0; r < n; ++r) { a[r] = b[r] = _mm512_setzero_ps(); }
  for (uint32_t k = 0; k < inputs; ++k) {
    const __m512 wa = _mm512_load_ps(panel + (size_t)k * PANEL);
    const __m512 wb = _mm512_load_ps(panel + (size_t)k * PANEL + 16);
#  pragma GCC unroll 8
    for (uint32_t r = 0; r < n; ++r) {
      const __m512 v = _mm512_set1_ps(x[(size_t)r * inputs + k]);
      a[r] = _mm512_fmadd_ps(v, wa, a[r]);
      b[r] = _mm512_fmadd_ps(v, wb, b[r]);
    }
  }
  for (uint32_t r = 0; r < n; ++r) {
    _mm512_storeu_ps(tile[r], a[r]);
    _mm512_storeu_ps(tile[r] + 16, b[r]);
  }
}
AVX512 static void tile_avx512(const float* panel, uint32_t inputs, const float* x, uint32_t n,
                               float tile[ROWS][PANEL]) {
  TILE_BY_ROWS(avx512_rows)
}

#  define AVX2 __attribute__((target("avx2,fma")))
AVX2 INLINE void avx2_rows(const float* panel, uint32_t inputs, const float* x, const uint32_t n,
                           float tile[ROWS][PANEL]) {
  for (uint32_t half = 0; half < PANEL; half += 16) { /* 8 rows by 16 outputs would not fit 16 registers: 2 passes of 4 */
    for (uint32_t r0 = 0; r0 < n; r0 += 4) {
      const uint32_t m = n - r0 < 4 ? n - r0 : 4;
      __m256 a[4], b[4];
      for (uint32_t r = 0; r < m; ++r) { a[r] = b[r] = _mm256_setzero_ps(); }
      for (uint32_t k = 0; k < inputs; ++k) {
        const __m256 wa = _mm256_load_ps(panel + (size_t)k * PANEL + half);
        const __m256 wb = _mm256_load_ps(panel + (size_t)k * PANEL + half + 8);
#  pragma GCC unroll 4
        for (uint32_t r = 0; r < m; ++r) {
          const __m256 v = _mm256_set1_ps(x[(size_t)(r0 + r) * inputs + k]);
          a[r] = _mm256_fmadd_ps(v, wa, a[r]);
          b[r] = _mm256_fmadd_ps(v, wb, b[r]);
        }
      }
      for (uint32_t r = 0; r < m; ++r) {
        _mm256_storeu_ps(tile[r0 + r] + half, a[r]);
        _mm256_storeu_ps(tile[r0 + r] + half + 8, b[r]);
      }
    }
  }
}
AVX2 static void tile_avx2(const float* panel, uint32_t inputs, const float* x, uint32_t n, float tile[ROWS][PANEL]) {
  TILE_BY_ROWS(avx2_rows)
}
#endif

static Tile best_tile(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) { return tile_avx512; }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) { return tile_avx2; }
#endif
  return tile_plain;
}

void pmt_recurrent_multiply(const float* packed, uint32_t outputs, uint32_t inputs, const float* x, float* y, uint32_t n,
                            int add) {
  const Tile run = best_tile();
  float tile[ROWS][PANEL];
  for (uint32_t p = 0; p < pmt_recurrent_panels(outputs); ++p) {
    const float* panel = packed + (size_t)p * PANEL * inputs;
    const uint32_t width = outputs - p * PANEL < PANEL ? outputs - p * PANEL : PANEL;
    for (uint32_t r0 = 0; r0 < n; r0 += ROWS) {
      const uint32_t m = n - r0 < ROWS ? n - r0 : ROWS;
      run(panel, inputs, x + (size_t)r0 * inputs, m, tile);
      for (uint32_t r = 0; r < m; ++r) {
        float* to = y + (size_t)(r0 + r) * outputs + p * PANEL;
        if (add) {
          for (uint32_t j = 0; j < width; ++j) { to[j] += tile[r][j]; }
        } else {
          memcpy(to, tile[r], sizeof *to * width);
        }
      }
    }
  }
}
