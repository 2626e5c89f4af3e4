/* SPDX-License-Identifier: ISC */
/** @file float_mode.h  Denormals off for a while, and the mode that was before back afterwards.

    A fading cell state goes through denormals, and so do the probabilities of a sharp softmax and their gradients; each
    costs a hundred cycles. Per thread. */
#ifndef PMT_BASE_FLOAT_MODE_H
#define PMT_BASE_FLOAT_MODE_H

#include "base/attributes.h"

#include <stdint.h>

#if defined(__SSE2__)
#  include <xmmintrin.h>
#  define PMT_FLUSH_DENORMALS 0x8040u /* FTZ, DAZ */
#endif

static inline uint64_t pmt_float_mode_enter(void) PMT_RT {
#if defined(__SSE2__)
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(mode | PMT_FLUSH_DENORMALS);
  return mode;
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  __asm__ volatile("msr fpcr, %0" : : "r"(mode | 1u << 24));
  return mode;
#else
  return 0;
#endif
}

static inline void pmt_float_mode_leave(const uint64_t mode) PMT_RT {
#if defined(__SSE2__)
  _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

#endif
