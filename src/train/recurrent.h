/* SPDX-License-Identifier: ISC */
/** @file recurrent.h  The product inside the time loop: a few rows times a big constant matrix, T times in a row.

    cblas_sgemm packs the matrix anew on each call, which for 8 rows costs several times the arithmetic. So W_hh is
    packed once a training step into panels of 32 outputs, and all T products stream through them. */
#ifndef PMT_TRAIN_RECURRENT_H
#define PMT_TRAIN_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

enum { PMT_RECURRENT_PANEL = 32 };

/** Floats of the packed form of a matrix with `outputs` outputs and `inputs` inputs. */
size_t pmt_recurrent_floats(uint32_t outputs, uint32_t inputs);

/** Pack panels first .. end-1 of w (row-major [rows, cols]): outputs are its rows, or with `transpose` its columns.
    `packed` is 64-byte aligned. Several threads may pack disjoint panels. */
void pmt_recurrent_pack(float* packed, const float* w, uint32_t rows, uint32_t cols, int transpose, uint32_t first,
                        uint32_t end);
static inline uint32_t pmt_recurrent_panels(uint32_t outputs) {
  return (outputs + PMT_RECURRENT_PANEL - 1) / PMT_RECURRENT_PANEL;
}

/** y[n, outputs] = x[n, inputs] * W, or += when `add`. y must not overlap x. The bits do not depend on n. */
void pmt_recurrent_multiply(const float* packed, uint32_t outputs, uint32_t inputs, const float* x, float* y, uint32_t n,
                            int add);

#endif
