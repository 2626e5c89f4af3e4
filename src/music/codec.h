/* SPDX-License-Identifier: ISC */
/** @file codec.h  Scores to tokens and back. decode(encode(x)) = x for every score that import makes. */
#ifndef PMT_MUSIC_CODEC_H
#define PMT_MUSIC_CODEC_H

#include "music/score.h"

/** What is known of one slot beside its tokens: the conditioning input u_s is a function of this and the style. */
typedef struct {
  uint32_t token;      /**< index of the slot's T token in the sequence */
  uint32_t tick;       /**< start of the slot, score ticks */
  uint32_t bar;        /**< index of the bar */
  uint8_t meter;       /**< class 0..25 */
  uint8_t key;         /**< 0..24, of the 8 bars around (0 when there is too little to tell) */
  uint8_t phrase;      /**< 1 + bar mod 8 */
  uint8_t length;      /**< ticks, 1..12 */
  uint16_t bar_notes;  /**< onsets in the whole bar: density octiles are made from this */
} PmtSlot;

/** BOS slot* END. Owned arrays; a zeroed struct is empty. */
typedef struct {
  PmtToken* tokens;
  size_t n_tokens;
  PmtSlot* slots;
  size_t n_slots;
} PmtSequence;

void pmt_sequence_free(PmtSequence* sequence);

/** @return PMT_NO_MEM, or PMT_BAD_ARG for a score that breaks the rules stated in score.h (the line says which). */
PmtStatus pmt_encode(const PmtScore* score, PmtSequence* sequence, PmtError* error);

/** Notes and bars again. Bars are taken from `like` (tokens carry slot numbers, not meters); its notes are ignored.
    @return PMT_BAD_FILE at the first token that the grammar forbids, with its index. */
PmtStatus pmt_decode(const PmtToken* tokens, size_t n_tokens, const PmtScore* like, PmtScore* score, PmtError* error);

#endif
