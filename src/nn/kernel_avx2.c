/* SPDX-License-Identifier: ISC */
/* The kernels with AVX2; empty on machines that never have it. */
#include "nn/kernel_levels.h"

#ifdef PMT_KERNEL_X86
#  ifndef __AVX2__
#    error "compile this file with -mavx2 -mf16c"
#  endif
#  include <immintrin.h>
#  define LANES 8
#  define WIDEN(halves) _mm256_cvtph_ps(_mm_load_si128((const __m128i*)(halves)))
#  define NAME(kernel) pmt_##kernel##_avx2
#  include "nn/kernel_body.h"
#endif
