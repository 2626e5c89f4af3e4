/* SPDX-License-Identifier: ISC */
/** @file net_reference.h  Every kind of net in double precision, written from the equations of docs/model.md, sections 3,
    4 and 7, and from nothing else: no panels, no ring, no polynomial, libm throughout.

    Above: tests/test_net_kinds.c, test_net_tf.c. Below: nn/tensors (to read the file). */
#ifndef PMT_TESTS_SUPPORT_NET_REFERENCE_H
#define PMT_TESTS_SUPPORT_NET_REFERENCE_H

#include "nn/net.h"
#include "support/tiny_model.h"

typedef struct PmtReference PmtReference;

/** @param options those the file was written with, no size 0 but `rel` @param steps_max steps it will be asked for */
PmtReference* pmt_reference_new(const PmtTensors* tensors, const PmtTinyOptions* options, uint32_t steps_max);
void pmt_reference_free(PmtReference* r);

/** As after the last of `n` steps, which were taken before. Recurrent nets: only n = 0. */
void pmt_reference_rewind(PmtReference* r, uint32_t n);
void pmt_reference_condition(PmtReference* r, const PmtCondition* condition);
/** Tokens first..last advance musical time; 4..27 at first. */
void pmt_reference_ticks(PmtReference* r, uint32_t first, uint32_t last);
/** Multiply W_qkv of every block. */
void pmt_reference_sharpen(PmtReference* r, double factor);
/** What goes with the steps to come; NULL = nothing. */
void pmt_reference_tell(PmtReference* r, const PmtHints* hints);
/** @return (V) logits */
const double* pmt_reference_step(PmtReference* r, uint32_t token);

#endif
