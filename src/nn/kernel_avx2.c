/* SPDX-License-Identifier: ISC */
/* The kernels with AVX2; empty on machines that never have it. */
#include "nn/kernel_levels.h"

#ifdef PMT_KERNEL_X86
#  ifndef __AVX2__
#    error "compile this file with -mavx2"
#  endif
#  define LANES 8
#  define NAME(kernel) pmt_##kernel##_avx2
#  include "nn/kernel_body.h"
#endif
