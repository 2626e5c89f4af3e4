/* SPDX-License-Identifier: ISC */
/* The kernels with the instructions every build has (SSE2, NEON). */
#include "nn/kernel_levels.h"

#define LANES 4
#define NAME(kernel) pmt_##kernel##_portable
#include "nn/kernel_body.h"
