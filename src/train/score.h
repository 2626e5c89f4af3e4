/* SPDX-License-Identifier: ISC */
/** @file score.h  How well weights predict pieces: nats per token and per quarter note.

    Above: trainer.c, appraise.c. Below: scorer.c, stream.c (unchanged pieces). */
#ifndef PMT_TRAIN_SCORE_H
#define PMT_TRAIN_SCORE_H

#include "train/corpus.h"
#include "train/scorer.h"
#include "train/stream.h"

enum { PMT_SCORE_CLASSES = PMT_CLASS_NOTE + 1 };

/** One piece to be predicted. */
typedef struct {
  const PmtPiece* piece;
  int style;               /**< row of the style table, -1 = none */
  size_t tokens_max;       /**< predict only so many; 0 = all */
  PmtTaken taken;          /**< parts that are heard and not predicted; zeroed: none */
  bool masked;             /**< notes of these parts cannot come, as at play: p is among all other tokens */
  double nats;             /**< out: summed -log p of its tokens, END included */
  double class_nats[PMT_SCORE_CLASSES]; /**< out: the same by class of the token that came */
  size_t tokens;           /**< out */
  double quarters;         /**< out: length in quarter notes of what was predicted */
} PmtScoreTask;

/** Fill in nats, tokens and quarters of all tasks. Style and meter are told; key only if `give_key`; no hindsight.
    @return PMT_NO_MEM */
PmtStatus pmt_score_pieces(PmtScorer* scorer, const float* w, PmtScoreTask* tasks, size_t n_tasks, bool give_key);

typedef struct {
  size_t pieces, tokens;
  double quarters, nats;
  double class_nats[PMT_SCORE_CLASSES];
} PmtScoreSum;
/** Sum of the tasks of one style. */
PmtScoreSum pmt_score_sum(const PmtScoreTask* tasks, size_t n_tasks, int style);

/** Tasks for the pieces of a split. @param pieces_max, tokens_max 0 = no limit: pieces taken evenly through the names,
    each cut so that the style gives at most about tokens_max tokens. *tasks grows, free() it. */
PmtStatus pmt_score_tasks(const PmtCorpus* corpus, PmtSplit split, int style, size_t pieces_max, size_t tokens_max,
                          PmtScoreTask** tasks, size_t* n_tasks);

#endif
