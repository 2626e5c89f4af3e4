/* SPDX-License-Identifier: ISC */
/** @file run.h  The state of a training run, shared by trainer.c (which moves it), trainer_data.c (which gathers what it
    learns from) and trainer_checkpoint.c (which keeps it). */
#ifndef PMT_TRAIN_RUN_H
#define PMT_TRAIN_RUN_H

#include "train/origin.h"
#include "train/stream.h"
#include "train/trainer.h"

typedef struct {
  const PmtTrainOptions* options;
  PmtTrainResult* result;
  char checkpoint[4096];
  PmtOrigin origin;          /* with options->from */
  uint32_t row[PMT_STYLES_MAX]; /* of each folder given */
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

/** To the log, if there is one. */
void pmt_run_tell(const PmtRun* run, const char* format, ...) PMT_PRINTF(2, 3);

/** Import the folders. @return PMT_BAD_FILE, PMT_UNSUPPORTED, PMT_NO_MEM, PMT_IO with a line */
PmtStatus pmt_run_load(PmtRun* run, PmtError* error);
/** What is known of the folders and of the model that is gone on from. */
PmtStatus pmt_run_facts(PmtRun* run, PmtError* error);
/** Styles without a folder: their corpora are what the model plays. Needs the pool. */
PmtStatus pmt_run_rehearse(PmtRun* run, PmtError* error);
/** New styles share by --balance what is left of --keep, kept ones are all alike. @param[out] share (n_corpora) */
void pmt_run_shares(const PmtRun* run, double share[PMT_STYLES_MAX]);

/** Write everything that a resumed run needs, whole or not at all. */
PmtStatus pmt_run_keep(const PmtRun* run, PmtError* error);
/** Read it back into a run built from the same options and data. @return PMT_BAD_ARG when they differ, naming what */
PmtStatus pmt_run_resume(PmtRun* run, PmtError* error);

#endif
