/* SPDX-License-Identifier: ISC */
/** @file verdict.h  What a training run on somebody's own music came to, in numbers and in plain words: was there enough,
    was it learned or learned by heart, does the model copy.

    Above: tools/cmd_train.c (stderr), card.c. Below: trainer.h (results), playing.h, src/measure. */
#ifndef PMT_TRAIN_VERDICT_H
#define PMT_TRAIN_VERDICT_H

#include "measure/copying.h"
#include "train/trainer.h"

/** Of one style that a folder was given for. */
typedef struct {
  uint32_t style;          /**< row */
  size_t pieces, notes;    /**< to learn from */
  double minutes;          /**< of music, at the tempo each piece opens with */
  size_t held_pieces;      /**< valid and test */
  double learned, held;    /**< nats a quarter of pieces learned from, and of valid ones; NaN = not measured */
  bool played;             /**< the model played, and what follows is known */
  PmtCopying copying;      /**< what it played, beside the pieces kept back */
  bool has_bound;          /**< there were pieces kept back to compare with */
  char copied_from[256];   /**< file with the longest run of notes in common; empty = none */
} PmtStyleVerdict;

typedef struct {
  PmtStyleVerdict* styles; /**< owned */
  size_t n;
} PmtVerdict;

/** Let the model that was written play, and look. @param model path of it @param bars to play of each style; 0 = none
    @return any PmtStatus with one line */
PmtStatus pmt_verdict_find(const PmtTrainResult* result, const char* model, uint32_t bars, PmtVerdict* verdict,
                           PmtError* error);
void pmt_verdict_free(PmtVerdict* verdict); /**< a zeroed struct is fine */

/** Sentences, one a line, each of the whole run or beginning with the name of its style. `text` ends with a newline. */
void pmt_verdict_print(const PmtTrainResult* result, const PmtVerdict* verdict, char* text, size_t size);

#endif
