/* SPDX-License-Identifier: ISC */
/** @file run.h  The state of a training run, shared by trainer.c (which moves it) and
    trainer_checkpoint.c (which keeps it). */
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
  double styles[PMT_ARRAYS][PMT_STYLES_MAX]; /* nats a quarter of the last evaluation, of weights and of average */
  double score_speed;        /* tokens a second of an evaluation */
  PmtCourse course;
} PmtRun;

/** Write everything that a resumed run needs, whole or not at all. */
PmtStatus pmt_run_keep(const PmtRun* run, PmtError* error);
/** Read it back into a run built from the same options and data. @return PMT_BAD_ARG when they differ, naming what */
PmtStatus pmt_run_resume(PmtRun* run, PmtError* error);

#endif
