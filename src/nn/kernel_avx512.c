/* SPDX-License-Identifier: ISC */
/* The kernels with AVX-512; empty on machines that never have it. */
#include "nn/kernel_levels.h"

#ifdef PMT_KERNEL_X86
#  ifndef __AVX512F__
#    error "compile this file with -mavx512f"
#  endif
#  include <immintrin.h>
#  define LANES 16
#  define WIDEN(halves) _mm512_cvtph_ps(_mm256_load_si256((const __m256i*)(halves)))
#  define NAME(kernel) pmt_##kernel##_avx512
#  include "nn/kernel_body.h"
#endif
