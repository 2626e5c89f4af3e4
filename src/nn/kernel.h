/* SPDX-License-Identifier: ISC */
/** @file kernel.h  The panel kernel: y = W x + b over 32- or 64-row panels (PERF: bytes decide, not flops).

    A matrix [rows, cols] is packed once, at load, into panels of PMT_PANEL rows: panel p holds, column after column,
    the PMT_PANEL weights of its rows, so one pass streams memory forward and vectorises over rows without shuffles.
    Each row sums its columns in ascending order, product by product, with no fused multiply-add: the bits are the same
    for every slicing, every dispatch level and every machine with IEEE floats. That costs nothing where it matters:
    the kernel waits for weights, not for the adder.

    Called by nn/net.c; calls nothing. Rows are padded to a whole panel with zero weights. */
#ifndef PMT_NN_KERNEL_H
#define PMT_NN_KERNEL_H

#include "base/attributes.h"

#include <stddef.h>
#include <stdint.h>

enum { PMT_PANEL = 64 };

static inline uint32_t pmt_panel_count(uint32_t rows) PMT_RT { return (rows + PMT_PANEL - 1) / PMT_PANEL; }

/** Floats in the packed form. */
static inline size_t pmt_packed_floats(uint32_t rows, uint32_t cols) PMT_RT {
  return (size_t)pmt_panel_count(rows) * PMT_PANEL * cols;
}

/** Pack row-major w [rows, cols] (leading dimension ld) into columns col0.. of `packed`, whose panels have
    cols_all columns: so two matrices can share one panel, [W_ih | W_hh]. Setup only. */
void pmt_panels_pack(float* packed, uint32_t cols_all, uint32_t col0, const float* w, uint32_t rows, uint32_t cols,
                     uint32_t ld);

/** y[panel rows] = b + W x for panels first .. first + n_panels - 1.
    @param packed 64-byte aligned @param b (padded rows), aligned @param x (cols) @param y (padded rows), aligned; does
    not alias x */
typedef void (*PmtPanelsRun)(const float* packed, uint32_t cols, const float* b, const float* x, float* y,
                             uint32_t first, uint32_t n_panels) PMT_RT;

typedef struct { const char* name; PmtPanelsRun run; } PmtKernel;

/** The kernels this build has and this CPU runs, widest first; the portable one is always last. */
size_t pmt_kernels(const PmtKernel** list);

#endif
