/* SPDX-License-Identifier: ISC */
/** @file leading.h  Voice leading: no two voices move from a fifth or an octave in parallel to the next.

    A rule that every book on harmony has (Fux, "Gradus ad Parnassum", 1725), and that a net which is not Bach breaks every
    third bar; docs/measures.md has the figures. Kept where four voices are what is wanted: PMT_MODE_HARMONISE.

    Above: gen/engine_slot.c. Below: music/grammar. Audio thread; a flat struct; every call is bounded by voices * 128. */
#ifndef PMT_GEN_LEADING_H
#define PMT_GEN_LEADING_H

#include "base/attributes.h"
#include "music/grammar.h"

enum { PMT_VOICES = PMT_PARTS_MAX + 1, PMT_VOICE_PLAYER = PMT_PARTS_MAX };

typedef struct {
  int16_t before[PMT_VOICES]; /**< pitch of each voice until this moment, -1 = none yet */
  int16_t now[PMT_VOICES];    /**< and since */
  uint16_t moved;             /**< voices that have begun a note at this moment, as bits */
  uint8_t pos;                /**< the moment: ticks into the slot */
} PmtLeading;

void pmt_leading_reset(PmtLeading* leading) PMT_RT;
/** A slot begins. @param before, now the player's highest key until now and with the slot, -1 = none; equal = held */
void pmt_leading_begin_slot(PmtLeading* leading, int16_t before, int16_t now) PMT_RT;
/** A note was chosen. Of several of a part at a moment the first counts, which is the highest. */
void pmt_leading_take(PmtLeading* leading, uint32_t pos, uint32_t part, uint32_t pitch) PMT_RT;
/** Take from the mask the notes that would move in parallel. When nothing else is left, nothing is taken.
    @param pos where the next note will stand */
void pmt_leading_forbid(const PmtLeading* leading, uint32_t pos, uint32_t parts, uint64_t mask[PMT_MASK_WORDS]) PMT_RT;

#endif
