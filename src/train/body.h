/* SPDX-License-Identifier: ISC */
/** @file body.h  What architectures have to give: the part of a net between the summed input rows and the output matrix.

    Above: network.c, which embeds, drops, projects to logits and takes the loss, the same for all. Below: body_rnn.c
    (lstm, gru, rnn), body_tf.c (tf). Forward with dropout off equals steps of the run time (tests/test_train_steps.c).

    A body works on `streams` sequences of `steps` positions, a row each. Rows are time-major, r = t * streams + s, for
    nets that go step by step, and stream-major, r = s * steps + t, for nets that take a window at once (`by_stream`).
    Work memory belongs to one thread; weights, and what prepare() makes of them, are shared. */
#ifndef PMT_TRAIN_BODY_H
#define PMT_TRAIN_BODY_H

#include "train/params.h"

/** Dropout as a pure function of (seed, step) and the thread's part; drop = 0 turns it off. */
typedef struct {
  float drop;
  uint64_t seed, step;
} PmtDropout;

typedef struct {
  const PmtParams* params;
  uint32_t streams, steps;
  uint32_t past;  /**< positions before the first that a window can see; 0 for nets that carry a state */
  uint32_t part;  /**< of the thread: for the random place of dropout */
  bool train;     /**< allocate what only the backward pass needs */
} PmtBodySize;

/** Each body's own; starts with nothing in common. */
typedef struct PmtBodyWork PmtBodyWork;

typedef struct {
  const float* w;
  const float* prepared;   /**< what prepare() made of w */
  const PmtCell* cells;    /**< (rows), the same for forward and backward */
  const PmtDropout* dropout;
} PmtPass;

typedef struct PmtBody {
  const char* name;        /**< metadata "arch" */
  const char* title;       /**< for people: "LSTM" */
  bool by_stream;
  bool drop_top;           /**< the output goes through dropout before it is projected */

  PmtStatus (*check)(const PmtTrainShape* shape, PmtError* error);
  uint32_t (*width)(const PmtTrainShape* shape);  /**< of its output */
  void (*describe)(const PmtTrainShape* shape, char* text, size_t size);
  void (*layout)(PmtParams* params);
  void (*init)(const PmtParams* params, float* w); /**< after the uniform values; NULL = nothing to add */

  size_t (*prepared_floats)(const PmtParams* params, bool train);
  /** This thread's share, part of n_parts. */
  void (*prepare)(const PmtParams* params, bool train, const float* w, float* prepared, uint32_t part, uint32_t n_parts);

  PmtStatus (*work_new)(const PmtBodySize* size, PmtBodyWork** work);
  void (*work_free)(PmtBodyWork* work);
  /** Work on fewer streams than were asked for. Forgets what was carried. */
  void (*narrow)(PmtBodyWork* work, uint32_t streams);
  /** What is carried from call to call, zero at first. */
  float* (*state)(PmtBodyWork* work, size_t* n_floats);

  /** Before dropout of the input: add positions where they are added. NULL = nothing to do. */
  void (*enter)(PmtBodyWork* work, const PmtPass* pass, float* x);
  /** @param x (rows, d), kept by the caller until backward @param[out] top (rows, width) */
  void (*forward)(PmtBodyWork* work, const PmtPass* pass, const float* x, float* top);
  /** @param[in,out] gradient_rows (rows, max(width, d)): of top on entry, of x on return
      @param[in,out] gradient (n_floats) gradients of the body's weights are added */
  void (*backward)(PmtBodyWork* work, const PmtPass* pass, float* gradient_rows, float* gradient);
} PmtBody;

/** By name, NULL when there is none; by number, NULL at the end. */
const PmtBody* pmt_body_find(const char* name);
const PmtBody* pmt_body_at(size_t index);

extern const PmtBody pmt_body_lstm, pmt_body_gru, pmt_body_rnn, pmt_body_tf;

/** y = dropout(x) at one of the body's `site`s, 0 being the network's own input; in place allowed. The mask is kept for
    the backward pass. @param dropout NULL or drop 0: y = x */
void pmt_drop_out(const PmtDropout* dropout, uint32_t part, uint32_t site, size_t n, const float* x, uint8_t* mask,
                  float* y);
/** dy becomes dx. */
void pmt_drop_out_backward(const PmtDropout* dropout, size_t n, const uint8_t* mask, float* dy);

#endif
