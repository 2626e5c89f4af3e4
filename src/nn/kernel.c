/* SPDX-License-Identifier: ISC */
/* Which kernels this CPU runs, and the packing they expect. Above: nn/net_setup. Below: kernel_portable.c and its
   wider brothers. Nothing here runs in the audio thread. */
#include "nn/kernel.h"

#include "nn/activation.h"
#include "nn/kernel_levels.h"

#ifdef PMT_KERNEL_X86
#  include <cpuid.h>
#endif

static const PmtKernel kernels[] = { /* each CPU that runs one runs all that follow it */
#ifdef PMT_KERNEL_X86
  PMT_KERNEL(avx512, pmt_halves_run_avx512),
  PMT_KERNEL(avx2, pmt_halves_run_avx2),
#endif
  PMT_KERNEL(portable, NULL),
};

#ifdef PMT_KERNEL_X86
/* No CPU with AVX2 is known to lack it; an emulator may. */
static int widens_halves(void) {
  unsigned a, b, c = 0, d;
  return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

size_t pmt_kernels(const PmtKernel** const list) {
  const size_t count = sizeof kernels / sizeof *kernels;
  size_t first = 0;
#ifdef PMT_KERNEL_X86
  __builtin_cpu_init();
  first = __builtin_cpu_supports("avx512f") ? 0 : __builtin_cpu_supports("avx2") && widens_halves() ? 1 : 2;
#endif
  *list = kernels + first;
  return count - first;
}

void pmt_panels_pack(float* const packed, const uint32_t cols_all, const uint32_t row0, const uint32_t col0,
                     const float* const w, const uint32_t rows, const uint32_t cols) {
  for (uint32_t i = 0; i < rows; ++i) {
    const uint32_t row = row0 + i;
    float* const panel = packed + (size_t)(row / PMT_PANEL) * PMT_PANEL * cols_all + row % PMT_PANEL;
    for (uint32_t col = 0; col < cols; ++col) {
      panel[(size_t)(col0 + col) * PMT_PANEL] = pmt_tame(w[(size_t)i * cols + col]);
    }
  }
}

/* Exact for what half precision has: normal numbers of 11 bits, and subnormal ones in steps of 2^-24. */
static uint16_t half_bits(const float x) {
  const union { float number; uint32_t bits; } f = {x};
  const uint32_t sign = f.bits >> 16 & 0x8000, exponent = f.bits >> 23 & 0xff;
  if (exponent < 113) {
    return (uint16_t)(sign | (uint32_t)(__builtin_fabsf(x) * 0x1p24f));
  }
  return (uint16_t)(sign | (f.bits >> 13 & 0x3ff) | (exponent - 112) << 10);
}

void pmt_panels_pack_half(uint16_t* const packed, const uint32_t cols_all, const uint32_t row0, const uint32_t col0,
                          const float* const w, const uint32_t rows, const uint32_t cols) {
  for (uint32_t i = 0; i < rows; ++i) {
    const uint32_t row = row0 + i;
    uint16_t* const panel = packed + (size_t)(row / PMT_PANEL) * PMT_PANEL * cols_all + row % PMT_PANEL;
    for (uint32_t col = 0; col < cols; ++col) {
      panel[(size_t)(col0 + col) * PMT_PANEL] = half_bits(w[(size_t)i * cols + col]);
    }
  }
}
