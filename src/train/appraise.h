/* SPDX-License-Identifier: ISC */
/** @file appraise.h  A model file measured on a folder, beside the 6-gram: what `partimento evaluate` prints.

    Above: tools/cmd_evaluate.c. Below: corpus.c, score.c, baseline.c. */
#ifndef PMT_TRAIN_APPRAISE_H
#define PMT_TRAIN_APPRAISE_H

#include "train/corpus.h"
#include "train/ngram.h"
#include "train/score.h"

typedef enum { PMT_PART_AUTO, PMT_PART_TRAIN, PMT_PART_VALID, PMT_PART_TEST, PMT_PART_ALL } PmtAppraisePart;

typedef struct {
  const char* model;       /**< path */
  const char* folder;
  int style;               /**< row of the style table, -1 = none */
  uint32_t parts;          /**< of the model */
  PmtAppraisePart part;    /**< AUTO: the test split where the folder has split files, else every piece */
  const char* baseline;    /**< folder to train the 6-gram on; NULL: see `ngram_training` */
  bool no_ngram;
  uint32_t threads;        /**< 0 = processors online */
  PmtRefusal refusal;      /**< told of each refused file; may be NULL */
  void* handle;
} PmtAppraiseOptions;

typedef struct {
  const char* part;        /**< "test", "all" ... */
  size_t pieces, refused, tokens;
  double quarters;
  double nats;             /**< style and meter known; key, phrase and density unknown: no hindsight */
  double class_nats[PMT_SCORE_CLASSES]; /**< of these, by class of the token that came */
  double nats_key_given;
  double ngram[PMT_NGRAM_ORDER + 1]; /**< nats by order; NaN = not measured */
  char ngram_training[96]; /**< what the baseline learned from; empty when not measured */
} PmtAppraisal;

/** What is measured: the model's weights, and the folder with the pieces that are asked for in its test split. */
typedef struct {
  PmtParams params;
  float* w;
  PmtCorpus corpus;
  const char* part;        /**< as above */
} PmtAppraised;
/** @return any PmtStatus with one clear line; close it in any case */
PmtStatus pmt_appraise_open(const PmtAppraiseOptions* options, PmtAppraised* appraised, PmtError* error);
void pmt_appraise_close(PmtAppraised* appraised);
uint32_t pmt_appraise_threads(const PmtAppraiseOptions* options);

/** @return any PmtStatus with one clear line */
PmtStatus pmt_appraise(const PmtAppraiseOptions* options, PmtAppraisal* appraisal, PmtError* error);

#endif
