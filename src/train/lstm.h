/* SPDX-License-Identifier: ISC */
/** @file lstm.h  Forward and backward of the LSTM over T steps for the streams of one thread.

    The same equations as nn/net.h: forward with dropout off equals T run-time steps (tests/test_train_lstm.c). All
    inputs of a layer go through one GEMM; only the recurrent product runs step by step.

    Shapes: rows are time-major, row r = t * streams + stream. One PmtLstm per thread; PmtLstmPacked is shared. */
#ifndef PMT_TRAIN_LSTM_H
#define PMT_TRAIN_LSTM_H

#include "train/params.h"

/** One position of one stream: what is fed and what should come next. */
typedef struct {
  uint16_t token;
  uint16_t target;
  int8_t style;    /**< row of style.weight; -1 = the zero vector */
  uint8_t meter, key, phrase, density;
  bool reset;      /**< token is BOS: the state before it is zero and no gradient goes further back */
  bool counts;     /**< the target counts; else an idle position that neither costs nor teaches */
} PmtCell;

/** W_hh of every layer packed for recurrent.h, both ways. Written between barriers, read by all threads. */
typedef struct {
  float* forward[PMT_TRAIN_LAYERS_MAX];  /**< h -> 4h */
  float* backward[PMT_TRAIN_LAYERS_MAX]; /**< 4h -> h */
} PmtLstmPacked;

PmtStatus pmt_lstm_packed_new(const PmtParams* params, bool backward, PmtLstmPacked* packed);
void pmt_lstm_packed_free(PmtLstmPacked* packed);
/** Pack this thread's share (part of n_parts) from the weights. */
void pmt_lstm_pack(const PmtParams* params, const float* w, PmtLstmPacked* packed, uint32_t part, uint32_t n_parts);

/** Work memory of one thread. */
typedef struct PmtLstm PmtLstm;
/** @param train allocate what only the backward pass needs @param part 0.., for the random place of dropout */
PmtStatus pmt_lstm_new(const PmtParams* params, uint32_t streams, uint32_t steps, bool train, uint32_t part,
                       PmtLstm** lstm);
void pmt_lstm_free(PmtLstm* lstm);
/** Work on fewer streams than were asked for, or on all again. Forgets the carried state. @param streams 1..as made */
void pmt_lstm_narrow(PmtLstm* lstm, uint32_t streams);

/** Recurrent state of the streams: (layers, 2, streams, h), h then c; carried from call to call, zero at first. */
float* pmt_lstm_state(PmtLstm* lstm, size_t* n_floats);

/** Dropout as a pure function of (seed, step): drop = 0 turns it off. */
typedef struct { float drop; uint64_t seed, step; } PmtDropout;

/** Run `steps` positions from the carried state and carry it on.
    @param cells (steps * streams), kept by the caller until backward
    @param[out] nats (streams) summed -log p of counted targets is added; may be NULL
    @param[out] row_nats (steps * streams) the same for each position, may be NULL
    @return summed -log p over counted targets, in fixed order */
double pmt_lstm_forward(PmtLstm* lstm, const float* w, const PmtLstmPacked* packed, const PmtCell* cells,
                        const PmtDropout* dropout, double* nats, float* row_nats);

/** After forward: overwrite `gradient` (n_floats) with d(sum of nats * scale)/dw for these streams. */
void pmt_lstm_backward(PmtLstm* lstm, const float* w, const PmtLstmPacked* packed, const PmtCell* cells, float scale,
                       float* gradient);

/** Logits of the last forward, (steps * streams, V); overwritten by backward and by the forward's own softmax unless
    the call asked for raw logits through this switch. For tests. */
const float* pmt_lstm_logits(const PmtLstm* lstm);
void pmt_lstm_keep_logits(PmtLstm* lstm, bool keep);

#endif
