/* SPDX-License-Identifier: ISC */
/* The kernels with the instructions every build has (SSE2, NEON). Sixteen registers: 32 rows at a time. */
#include "nn/kernel_levels.h"

#define LANES 4
#define ROWS 32
#define RUN_NAME pmt_panels_run_portable
#define CELL_NAME pmt_cell_run_portable
#include "nn/kernel_body.h"
