/* SPDX-License-Identifier: ISC */
/* What kernel_portable.c, kernel_avx2.c and kernel_avx512.c offer to kernel.c, each built from kernel_body.h. */
#ifndef PMT_NN_KERNEL_LEVELS_H
#define PMT_NN_KERNEL_LEVELS_H

#include "nn/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#  define PMT_KERNEL_X86 1
#endif

#define PMT_KERNEL_DECLARE(level)                                                                                   \
  void pmt_panels_run_##level(const float* packed, uint32_t cols, const float* b, const float* x, float* y,        \
                              uint32_t first, uint32_t n_panels) PMT_RT;                                           \
  void pmt_halves_run_##level(const uint16_t* packed, uint32_t cols, const float* b, const float* x, float* y,      \
                              uint32_t first, uint32_t n_panels) PMT_RT;                                           \
  void pmt_cell_run_##level(const float* restrict gates, const float* restrict c, float* restrict c_next,          \
                            float* restrict h) PMT_RT;                                                             \
  void pmt_gru_run_##level(const float* restrict gates, const float* restrict input, const float* restrict h,      \
                           float* restrict h_next) PMT_RT;                                                         \
  void pmt_tanh_run_##level(const float* restrict x, float* restrict y) PMT_RT;                                    \
  void pmt_norm_run_##level(const float* restrict x, const float* restrict gain, uint32_t d, uint32_t d_pad,       \
                            float* restrict y) PMT_RT;                                                             \
  void pmt_settle_run_##level(float* x) PMT_RT;                                                                    \
  void pmt_gelu_run_##level(float* x) PMT_RT;                                                                      \
  float pmt_top_run_##level(const float* x, uint32_t n, float least) PMT_RT;                                       \
  void pmt_weigh_run_##level(float* x, uint32_t n, float top) PMT_RT;                                              \
  void pmt_blend_run_##level(const float* v, uint32_t width, const float* w, uint32_t n, float* sum,               \
                             float* total) PMT_RT;

#define PMT_KERNEL(level, halves)                                                                                   \
  {                                                                                                                \
    .name = #level, .run = pmt_panels_run_##level, .run_half = halves, .cell = pmt_cell_run_##level, .gru = pmt_gru_run_##level,       \
    .tanh = pmt_tanh_run_##level, .norm = pmt_norm_run_##level, .settle = pmt_settle_run_##level,                  \
    .gelu = pmt_gelu_run_##level, .top = pmt_top_run_##level, .weigh = pmt_weigh_run_##level,                      \
    .blend = pmt_blend_run_##level                                                                                 \
  }

PMT_KERNEL_DECLARE(portable)
PMT_KERNEL_DECLARE(avx2)
PMT_KERNEL_DECLARE(avx512)

#endif
