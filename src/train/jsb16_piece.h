/* SPDX-License-Identifier: ISC */
/** @file jsb16_piece.h  Pieces of jsb16, and where each step was before: in the piece itself, in the training set.

    Above: jsb16.c. */
#ifndef PMT_TRAIN_JSB16_PIECE_H
#define PMT_TRAIN_JSB16_PIECE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PMT_JSB_VOICES = 4 };

/** Where a piece was before as it is now. The same in every key. */
typedef struct {
  int32_t from;   /**< the earlier step that this one may repeat, -1 = none */
  int32_t length; /**< steps that agree up to there */
} PmtJsbMatch;

/** Where a piece of the training set was as this one is now, in whatever key. */
typedef struct {
  int32_t piece;  /**< -1 = none */
  int32_t from;   /**< its step */
  int32_t length; /**< steps that agree up to there */
  int32_t chords; /**< of the bar before it, sixteenths of the three lower voices that agree: 0..48 */
} PmtJsbRecall;

/** The melody has to agree for three quarters at least, a chord for one. */
enum { PMT_JSB_MELODY, PMT_JSB_CHORDS, PMT_JSB_RECALLS };
static const int32_t pmt_jsb_recall_least[PMT_JSB_RECALLS] = {12, 4};

typedef struct {
  int8_t (*steps)[PMT_JSB_VOICES]; /**< MIDI pitches, -1 = silent */
  size_t n_steps;
  int lo[PMT_JSB_VOICES], hi[PMT_JSB_VOICES];
  PmtJsbMatch* chords;   /**< (n_steps) all voices up to the step before agree */
  PmtJsbMatch* melody;   /**< (n_steps) the soprano does up to this step */
  /** (n_steps, voices) The melody agrees up to this step, whatever the voice; all voices agree up to this step, and in
      the next one those above the voice, if there is such a place. */
  PmtJsbRecall* recall[PMT_JSB_RECALLS];
} PmtJsbPiece;

/** The same pitch `by` semitones higher, or silence as silence. */
static inline bool pmt_jsb_same_pitch(int a, int b, int by) { return a < 0 || b < 0 ? a == b : a == b + by; }

/** All places of the training set, by their last few steps. */
typedef struct PmtJsbIndex PmtJsbIndex;
/** @param train kept */
PmtStatus pmt_jsb_index_new(const PmtJsbPiece* train, size_t n_train, PmtJsbIndex** index);
void pmt_jsb_index_free(PmtJsbIndex* index);

/** Fill piece->recall. @param self number of a training piece, which is not to recall itself; -1 = none of them
    @return PMT_NO_MEM */
PmtStatus pmt_jsb_recall(const PmtJsbIndex* index, int32_t self, PmtJsbPiece* piece);

#endif
