/* SPDX-License-Identifier: ISC */
/** @file network.h  A whole net on B streams of T positions, by one thread: rows of tables summed, a body, logits, loss.

    Above: learner.c (training), score.c (evaluation). Below: body.h for what lies between, products.h, pointwise.c. */
#ifndef PMT_TRAIN_NETWORK_H
#define PMT_TRAIN_NETWORK_H

#include "train/body.h"

/** What all threads share of the weights of a step. Written between barriers. */
float* pmt_prepared_new(const PmtParams* params, bool train); /**< NULL when memory is out; free() it */
/** This thread's share (part of n_parts). */
void pmt_prepare(const PmtParams* params, bool train, const float* w, float* prepared, uint32_t part, uint32_t n_parts);

/** Work memory of one thread. */
typedef struct PmtNetwork PmtNetwork;
/** @param size its params are copied */
PmtStatus pmt_network_new(const PmtBodySize* size, PmtNetwork** network);
void pmt_network_free(PmtNetwork* network);
/** Work on fewer streams than were asked for, or on all again. Forgets what was carried. @param streams 1..as made */
void pmt_network_narrow(PmtNetwork* network, uint32_t streams);

/** Where position t of a stream stands among the rows. */
size_t pmt_network_row(const PmtNetwork* network, uint32_t stream, uint32_t t);
size_t pmt_network_rows(const PmtNetwork* network);

/** Carried from call to call, zero at first. */
float* pmt_network_state(PmtNetwork* network, size_t* n_floats);

/** Run `steps` positions from the carried state and carry it on. pass->cells are kept by the caller until backward.
    @param[out] row_nats (rows) -log p of each counted target, may be NULL
    @return their sum, in fixed order */
double pmt_network_forward(PmtNetwork* network, const PmtPass* pass, float* row_nats);

/** After forward with the same pass: overwrite `gradient` (n_floats) with d(sum of nats * scale)/dw. */
void pmt_network_backward(PmtNetwork* network, const PmtPass* pass, float scale, float* gradient);

/** Logits of the last forward, (rows, V). In training they become probabilities at once, unless they are to be kept. */
const float* pmt_network_logits(const PmtNetwork* network);
void pmt_network_keep_logits(PmtNetwork* network, bool keep);

#endif
