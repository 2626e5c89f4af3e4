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

/** How it is heard. */
typedef enum {
  PMT_LISTENING_BEFORE, /**< PMT_EAR_BEFORE */
  PMT_LISTENING_WITH,   /**< PMT_EAR_WITH */
  PMT_LISTENING_TOLD,   /**< as tokens (PmtTaken), as the engine tells the melody; its notes cannot come as others */
  PMT_LISTENING_MODES
} PmtListeningMode;

typedef struct {
  const char* part;  /**< split: "test" ... */
  size_t pieces, refused;
  double quarters;
  bool measured[PMT_LISTENING_MODES]; /**< hints: where the model was taught; tokens: of the melody */
  double nats[PMT_LISTENING_MODES][PMT_HEARDS]; /**< NaN: not measured. NOTHING is the same BEFORE and WITH */
} PmtListening;

/** Whether a model hears what the player has in this way. @param taught to listen */
bool pmt_listening_is_heard(PmtListeningMode mode, PmtYouPlay you, bool taught);

/** Tell each of these tasks, which have taken parts, how it hears what. */
void pmt_listening_set(PmtScoreTask* tasks, size_t n, PmtListeningMode mode, PmtHeard heard);

/** Keep of these tasks the pieces that have company for what the player has, which is marked as taken.
    @return how many are left */
size_t pmt_listening_take(PmtScoreTask* tasks, size_t n, PmtYouPlay you);

/** @param you what is heard, not PMT_YOU_OTHER; of a piece that has fewer parts, its lowest
    @return PMT_UNSUPPORTED for a model that hears them in no way, PMT_BAD_FILE where no piece has two parts */
PmtStatus pmt_listening_measure(const PmtAppraiseOptions* options, PmtYouPlay you, PmtListening* listening, PmtError* error);

#endif
