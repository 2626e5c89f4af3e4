/* SPDX-License-Identifier: ISC */
/** @file listening.h  Whether a model listens: how well it predicts what accompanies a part, for what it hears of that part.

    Above: tools/cmd_evaluate.c. Below: appraise.h (model and folder), score.h. */
#ifndef PMT_TRAIN_LISTENING_H
#define PMT_TRAIN_LISTENING_H

#include "gen/engine.h"
#include "train/appraise.h"
#include "train/score.h"

/** What is heard while the rest of the piece is predicted. */
typedef enum {
  PMT_HEARD_NOTHING, /**< no player */
  PMT_HEARD_SILENCE, /**< a player who does not play */
  PMT_HEARD_WRONG,   /**< the same part of another piece of the split */
  PMT_HEARD_TRUE,    /**< the part itself */
  PMT_HEARDS
} PmtHeard;

typedef struct {
  const char* part;  /**< split: "test" ... */
  size_t pieces, refused;
  double quarters;
  double nats[2][PMT_HEARDS]; /**< of PMT_EAR_BEFORE and PMT_EAR_WITH; NOTHING is the same in both */
} PmtListening;

/** Keep of these tasks the pieces that have company for what the player has, which is marked as taken.
    @return how many are left */
size_t pmt_listening_take(PmtScoreTask* tasks, size_t n, PmtYouPlay you);

/** @param you what is heard, not PMT_YOU_OTHER; of a piece that has fewer parts, its lowest
    @return PMT_UNSUPPORTED for a model that is not told of players, PMT_BAD_FILE where no piece has two parts */
PmtStatus pmt_listening_measure(const PmtAppraiseOptions* options, PmtYouPlay you, PmtListening* listening, PmtError* error);

#endif
