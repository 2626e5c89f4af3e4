/* SPDX-License-Identifier: ISC */
/** @file run.h  The state of a training run, shared by trainer.c (which moves it) and checkpoint.c (which keeps it). */
#ifndef PMT_TRAIN_RUN_H
#define PMT_TRAIN_RUN_H

#include "train/stream.h"
#include "train/trainer.h"

typedef struct {
  const PmtTrainOptions* options;
  PmtTrainResult* result;
  char checkpoint[4096];
  PmtPool* pool;
  PmtLearner* learner;
  PmtStreams* streams;
  PmtScorer* scorer;
  PmtScoreTask* tasks;       /* of the evaluations on the way */
  size_t n_tasks;
  float* best;               /* weights of the best evaluation */
  double best_valid;         /* INFINITY before the first */
  uint32_t n_stale;          /* evaluations since the best */
  uint64_t step;
  double progress;           /* 0..1: position on the cosine; never goes back */
  uint32_t n_evaluated;      /* of PMT_EVALUATIONS */
  double train_sum;          /* nats a token summed since the last evaluation */
  uint64_t train_n;
  double seconds;            /* spent by earlier parts of the run */
  double started;            /* clock when this part began */
  double step_seconds;       /* smoothed; 0 = not known */
  double evaluation_seconds; /* of the last one */
  double score_speed;        /* tokens a second of an evaluation */
  uint64_t plan;             /* steps in all, as planned now */
} PmtRun;

/** Write everything that a resumed run needs, whole or not at all. */
PmtStatus pmt_checkpoint_write(const PmtRun* run, PmtError* error);
/** Read it back into a run built from the same options and data. @return PMT_BAD_ARG when they differ, naming what */
PmtStatus pmt_checkpoint_read(PmtRun* run, PmtError* error);

#endif
