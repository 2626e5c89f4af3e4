/* SPDX-License-Identifier: ISC */
/** @file learner.h  One optimiser step on B streams of T tokens, by N threads.

    Above: trainer.c, bench_jsb.c, bench_train. Below: network.c per thread, pointwise.c for AdamW.
    Thread i takes streams B*i/N .. B*(i+1)/N - 1. Gradients are summed in thread order, norms in share order: the
    result is the same bit for bit whenever the thread count is the same. */
#ifndef PMT_TRAIN_LEARNER_H
#define PMT_TRAIN_LEARNER_H

#include "train/network.h"
#include "train/pool.h"

typedef struct {
  uint32_t streams; /**< B */
  uint32_t steps;   /**< T */
  uint32_t past;    /**< a Transformer also sees up to so many positions of the steps before, without gradient */
  uint64_t seed;
  float drop;       /**< dropout */
  float decay;      /**< weight decay of matrices, 0.01 */
  float clip;       /**< global gradient norm, 1 */
  float average;    /**< of the moving average of the weights, 0.999 */
} PmtLearnerOptions;

typedef struct PmtLearner PmtLearner;

/** @param pool outlives the learner; its size is N, at most B */
PmtStatus pmt_learner_new(const PmtParams* params, const PmtLearnerOptions* options, PmtPool* pool, PmtLearner** learner,
                          PmtError* error);
void pmt_learner_free(PmtLearner* learner);

const PmtParams* pmt_learner_params(const PmtLearner* learner);
size_t pmt_learner_step_tokens(const PmtLearner* learner); /**< B * T */

/** Cell t of a stream, to be filled before each step. */
PmtCell* pmt_learner_cell(PmtLearner* learner, uint32_t stream, uint32_t t);

/** @param step number from 0: keys dropout and Adam's bias correction @param[out] norm gradient norm before clipping
    @return mean nats per counted token */
double pmt_learner_step(PmtLearner* learner, uint64_t step, float rate, double* norm);

/** Arrays of params.n_floats: weights, first and second moment, moving average. Writable between steps. */
typedef enum { PMT_ARRAY_WEIGHTS, PMT_ARRAY_M, PMT_ARRAY_V, PMT_ARRAY_AVERAGE, PMT_ARRAYS } PmtArrayId;
float* pmt_learner_array(PmtLearner* learner, PmtArrayId id);

/** Carried state of the streams in order of threads; its length depends on B alone. */
size_t pmt_learner_state_floats(const PmtLearner* learner);
void pmt_learner_save_state(const PmtLearner* learner, float* state);
void pmt_learner_restore_state(PmtLearner* learner, const float* state);

#endif
