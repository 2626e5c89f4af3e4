/* SPDX-License-Identifier: ISC */
/* Which kernels this CPU runs, and the packing they expect. Above: nn/net_setup. Below: kernel_portable.c and its
   wider brothers. Nothing here runs in the audio thread. */
#include "nn/kernel.h"

#include "nn/activation.h"
#include "nn/kernel_levels.h"

static const PmtKernel kernels[] = { /* each CPU that runs one runs all that follow it */
#ifdef PMT_KERNEL_X86
  PMT_KERNEL(avx512),
  PMT_KERNEL(avx2),
#endif
  PMT_KERNEL(portable),
};

size_t pmt_kernels(const PmtKernel** const list) {
  const size_t count = sizeof kernels / sizeof *kernels;
  size_t first = 0;
#ifdef PMT_KERNEL_X86
  __builtin_cpu_init();
  first = __builtin_cpu_supports("avx512f") ? 0 : __builtin_cpu_supports("avx2") ? 1 : 2;
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
