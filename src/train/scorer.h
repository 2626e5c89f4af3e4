/* SPDX-License-Identifier: ISC */
/** @file scorer.h  How well weights predict runs of cells. Several runs go side by side on each thread.

    Above: score.c (pieces of music), bench_jsb.c. Below: network.c. A run is predicted as the run time would: state or
    window carried over its whole length. Runs are dealt to the threads by number, so the sums are the same for the same
    thread count. */
#ifndef PMT_TRAIN_SCORER_H
#define PMT_TRAIN_SCORER_H

#include "train/network.h"
#include "train/pool.h"

typedef struct PmtScorer PmtScorer;
/** @param pool outlives the scorer */
PmtStatus pmt_scorer_new(const PmtParams* params, PmtPool* pool, PmtScorer** scorer);
void pmt_scorer_free(PmtScorer* scorer);
const PmtTrainShape* pmt_scorer_shape(const PmtScorer* scorer);

/** What is to be predicted. Longest runs first keep the threads busy to the end. */
typedef struct {
  size_t n;
  /** Cells of run i: cells grown as needed (room is its size), the first one has `reset`. Any thread. */
  PmtStatus (*open)(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells);
  /** Told of each counted cell of a run, in order: its logits (V), -log p of its target. Any thread, one at a time for a
      run. May be NULL. */
  void (*see)(void* handle, size_t i, const PmtCell* cell, const float* logits, float nats);
  void* handle;
} PmtScoreRuns;

/** @param[out] nats (runs->n) summed -log p of the counted targets of each run @return PMT_NO_MEM, or what open says */
PmtStatus pmt_scorer_run(PmtScorer* scorer, const float* w, const PmtScoreRuns* runs, double* nats);

#endif
