/* SPDX-License-Identifier: ISC */
/** @file kernel.h  The panel kernel, y = W x + b over panels of 64 rows, and the cells that follow it.

    A matrix [rows, cols] is packed once, at load, into panels of PMT_PANEL rows: panel p holds, column after column,
    the PMT_PANEL weights of its rows, so one pass streams memory forward and vectorises over rows without shuffles.
    Each row sums its columns in ascending order, product by product, with no fused multiply-add: the bits are the same
    for every slicing, every dispatch level and every machine with IEEE floats. That costs nothing where it matters:
    the kernel waits for weights, not for the adder (docs/kernels.md has the figures).

    Weights may be packed in 16 bits (IEEE half precision), where the file has no more: they are widened as they are read,
    which is exact, so the bits are those of 32-bit weights, and half as much comes from memory.

    Called by net_rnn.c and net_tf.c; calls nothing. Rows are padded to a whole panel with zero weights. Whatever a
    kernel writes for another product to read passes through pmt_tame. */
#ifndef PMT_NN_KERNEL_H
#define PMT_NN_KERNEL_H

#include "base/attributes.h"

#include <stddef.h>
#include <stdint.h>

enum {
  PMT_PANEL = 64,
  PMT_CELL_UNITS = PMT_PANEL / 4, /**< LSTM units whose four gates fill one panel */
};

static inline uint32_t pmt_panel_count(uint32_t rows) PMT_RT { return (rows + PMT_PANEL - 1) / PMT_PANEL; }

/** Floats in the packed form. */
static inline size_t pmt_packed_floats(uint32_t rows, uint32_t cols) PMT_RT {
  return (size_t)pmt_panel_count(rows) * PMT_PANEL * cols;
}

/** Put row-major w [rows, cols] at rows row0.. and columns col0.. of `packed`, whose panels have cols_all columns: so
    two matrices can share one panel, [W_ih | W_hh], and gates can be interleaved. What is not put stays as it was:
    zero it first. Setup only. */
void pmt_panels_pack(float* packed, uint32_t cols_all, uint32_t row0, uint32_t col0, const float* w, uint32_t rows,
                     uint32_t cols);

/** The same in 16 bits. @param w numbers that half precision has */
void pmt_panels_pack_half(uint16_t* packed, uint32_t cols_all, uint32_t row0, uint32_t col0, const float* w,
                          uint32_t rows, uint32_t cols);

/** y[panel rows] = b + W x for panels first .. first + n_panels - 1.
    @param packed 64-byte aligned @param b (padded rows), aligned @param x (cols) @param y (padded rows), aligned; does
    not alias x */
typedef void (*PmtPanelsRun)(const float* packed, uint32_t cols, const float* b, const float* x, float* y,
                             uint32_t first, uint32_t n_panels) PMT_RT;

typedef void (*PmtHalvesRun)(const uint16_t* packed, uint32_t cols, const float* b, const float* x, float* y,
                             uint32_t first, uint32_t n_panels) PMT_RT;

/** c_next = sig(f) * c + sig(i) * tanh(g), h = sig(o) * tanh(c_next) for PMT_CELL_UNITS units.
    @param gates (PMT_PANEL) the units' i, then their f, g, o @param c (units) @param c_next (units) @param h (units);
    all aligned to 64 bytes, none aliases another. What falls below 2^-50 becomes zero (pmt_tame). */
typedef void (*PmtCellRun)(const float* gates, const float* c, float* c_next, float* h) PMT_RT;

/** r = sig(gates), z = sig(gates + PMT_PANEL), n = tanh(input + r * gates[2 PMT_PANEL..]), h_next = (1 - z) n + z h for
    PMT_PANEL units. @param gates (3, PMT_PANEL) r, z and the hidden side of n @param input (PMT_PANEL) its input side;
    aligned as above, none aliases another */
typedef void (*PmtGruRun)(const float* gates, const float* input, const float* h, float* h_next) PMT_RT;

/** y = tanh(x) for PMT_PANEL units. Aligned; y does not alias x. */
typedef void (*PmtTanhRun)(const float* x, float* y) PMT_RT;

/* What a Transformer needs beside products. All arrays are aligned to 64 bytes unless said otherwise. */

/** y = gain * x / sqrt(mean(x^2) + 1e-5) over d numbers. Squares are summed in 16 lanes, the lanes by halves.
    @param d_pad multiple of 16; from d to there x and gain are 0. y does not alias x. */
typedef void (*PmtNormRun)(const float* x, const float* gain, uint32_t d, uint32_t d_pad, float* y) PMT_RT;

/** PMT_PANEL numbers in place: within +-PMT_NET_LIMIT (NaN becomes the lower end), and tame. Sums of such numbers'
    products stay finite, whatever the file's weights did. */
typedef void (*PmtSettleRun)(float* x) PMT_RT;
#define PMT_NET_LIMIT 1e15f

/** PMT_PANEL numbers in place: x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), settled. */
typedef void (*PmtGeluRun)(float* x) PMT_RT;

/** The greatest of n numbers and `least`; NaN counts for nothing. @param n multiple of PMT_PANEL */
typedef float (*PmtTopRun)(const float* x, uint32_t n, float least) PMT_RT;

/** x = e^(x - top), or 0 below 2^-50. @param n multiple of PMT_PANEL */
typedef void (*PmtWeighRun)(float* x, uint32_t n, float top) PMT_RT;

/** sum[k] += w[j] * v[j][k] and *total += w[j] for n rows, each sum in one chain over ascending j.
    @param v (n, width), width 16, 32, 48 or 64 @param w not aligned @param sum (width) */
typedef void (*PmtBlendRun)(const float* v, uint32_t width, const float* w, uint32_t n, float* sum,
                            float* total) PMT_RT;

typedef struct {
  const char* name;
  PmtPanelsRun run;
  PmtHalvesRun run_half; /**< the same of weights in 16 bits; NULL: this kernel reads none */
  PmtCellRun cell;
  PmtGruRun gru;
  PmtTanhRun tanh;
  PmtNormRun norm;
  PmtSettleRun settle;
  PmtGeluRun gelu;
  PmtTopRun top;
  PmtWeighRun weigh;
  PmtBlendRun blend;
} PmtKernel;

/** The kernels this build has and this CPU runs, widest first; the portable one is always last. */
size_t pmt_kernels(const PmtKernel** list);

#endif
