/* SPDX-License-Identifier: ISC */
/* The kernels with the instructions every build has (SSE2, NEON). */
#include "nn/kernel_levels.h"

#define LANES 4
#define RUN_NAME pmt_panels_run_portable
#define CELL_NAME pmt_cell_run_portable
#include "nn/kernel_body.h"
